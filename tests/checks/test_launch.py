"""A job uses the interpreter that runs ReFrame, finds the workloads, and never overlaps another."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_checkout import FAKE_CHECK, ROOT, Checkout, copy_checkout
from fake_systems import configuration, local_partition, partition, system
from reframe_process import PROGRAM

TWO_PRESETS = ("-P", "preset=tiny,smoke")


def test_the_job_script_needs_nothing_exported(checkout: Checkout) -> None:
    outcome = checkout.reframe("--dry-run")
    assert outcome.code == 0, outcome.text
    [script] = checkout.folder.glob("stage/**/rfm_job.sh")
    lines = script.read_text().splitlines()
    assert f"export PYTHONPATH={checkout.folder}${{PYTHONPATH:+:$PYTHONPATH}}" in lines
    [command] = [line for line in lines if "workloads.fake" in line]
    program, arguments = command.split(" ", 1)
    assert Path(program).samefile(sys.executable)
    assert arguments == "-m workloads.fake train --preset smoke --seed 1 --gpus 0"
    [case] = checkout.report()["runs"][0]["testcases"]
    assert (case["time_limit"], case["max_pending_time"]) == (600, 600)


def test_a_checkout_whose_path_has_a_space_works(checkout: Checkout) -> None:
    spaced = checkout.folder.with_name("check out")
    checkout.folder.rename(spaced)
    # ReFrame itself cannot run a local job from a stage directory with a space.
    prefix = str(checkout.home / "prefix")
    outcome = Checkout(spaced, checkout.home).reframe("-r", "--prefix", prefix)
    assert outcome.code == 0, outcome.text


def test_options_of_a_case_reach_the_command_line(checkout: Checkout) -> None:
    options = ("-S", "seed=7", "-S", "data=/some where", "-P", "preset=tiny")
    outcome = checkout.reframe("--dry-run", *options)
    assert outcome.code == 0, outcome.text
    [script] = checkout.folder.glob("stage/**/rfm_job.sh")
    assert "--preset tiny --seed 7 --data '/some where' --gpus 0" in script.read_text()


@pytest.mark.parametrize("where", ["one partition", "two partitions"])
def test_local_jobs_do_not_overlap(checkout: Checkout, where: str) -> None:
    name = "generic"
    if where == "two partitions":
        name = "workstation"
        both = system(name, local_partition("one"), local_partition("two"))
        checkout.write("fake_sites.py", configuration(both))
        options = ["-C", "fake_sites.py", "--system", name]
    else:
        options = [*TWO_PRESETS]

    log = checkout.home / "times"
    outcome = checkout.reframe("-r", *options, fake={"log": str(log), "seconds": 0.3})
    assert outcome.code == 0, outcome.text
    times = sorted(tuple(map(float, line.split())) for line in log.read_text().splitlines())
    assert len(times) == 2
    (_, first_end), (second_start, _) = times
    assert first_end <= second_start


def test_logs_are_kept_and_bytes_that_are_no_text_do_no_harm(checkout: Checkout) -> None:
    hook = """
    @run_before("run")
    def write(self):
        self.prerun_cmds += ["mkdir run", "echo epoch > run/train.log", r"printf '\\377\\n'"]
"""
    checkout.write("checks/fake.py", FAKE_CHECK + hook)
    outcome = checkout.reframe("-r")
    assert outcome.code == 0, outcome.text
    [log] = checkout.folder.glob("output/**/train.log")
    assert log.read_text() == "epoch\n"
    assert b"\377\n" in log.with_name("rfm_job.out").read_bytes()


def test_a_job_over_its_time_limit_does_not_hold_up_the_next(checkout: Checkout) -> None:
    hook = "\n    @run_after('init')\n    def hurry(self):\n        self.time_limit = 0.2\n"
    checkout.write("checks/fake.py", FAKE_CHECK + hook)
    outcome = checkout.reframe("-r", *TWO_PRESETS, fake={"seconds": 10})
    assert outcome.code == 1
    assert "Ran 2/2 test case(s)" in outcome.text
    assert outcome.text.count("Reason: job error: ") == 2


def test_the_skyline_checks_make_two_trainings_two_evaluations_and_an_extraction(
    checkout: Checkout,
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    outcome = checkout.reframe("--dry-run", "-n", "Skyline")
    assert outcome.code == 0, outcome.text
    commands = _commands(checkout)
    assert sum(" synthesise " in each for each in commands) == 1
    assert sum(" pack " in each for each in commands) == 1
    for pipeline in ("files", "packed"):
        [train] = [each for each in commands if " train " in each and f" {pipeline} " in each]
        assert "--preset smoke --seed 1 --output run --gpus 0 --model original" in train
        assert "--precision float32" in train
        [evaluate] = [each for each in commands if " evaluate " in each and f" {pipeline} " in each]
        assert f"--checkpoint {_stage(checkout, train)}/run" in evaluate

    # After the packed training, which stands last.
    [extract] = [each for each in commands if " extract " in each]
    options = f"--output run --gpus 0 --checkpoint {_stage(checkout, train)}/run"
    assert extract.endswith(f" extract --preset smoke --seed 1 {options}")
    assert len(commands) == 7


@pytest.mark.parametrize(
    ("pipelines", "extractions"),
    [("files", ["files"]), ("packed", ["packed"]), ("files,packed", ["files", "packed"])],
)
def test_an_extraction_follows_each_training_whose_pipeline_is_asked_for(
    checkout: Checkout, pipelines: str, extractions: list[str]
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    given = ("-P", f"pipeline={pipelines}", "-P", "preset=tiny", "-S", "prefetch_to_device=1")
    outcome = checkout.reframe("--dry-run", "-n", "Skyline", *given)
    assert outcome.code == 0, outcome.text
    commands = _commands(checkout)
    found = [each.rsplit(" ", 1)[1] for each in commands if " extract " in each]
    trainings = [each for each in commands if " train " in each]
    assert sorted(found) == sorted(f"{_stage(checkout, each)}/run" for each in trainings)
    cases = checkout.report()["runs"][0]["testcases"]
    named = [each["pipeline"] for each in cases if each["stage"] == "extract"]
    assert sorted(named) == extractions


@pytest.mark.parametrize("pipelines", [[], ["-P", "pipeline=files"]])
def test_an_extraction_has_its_training_and_its_photographs_made(
    checkout: Checkout, pipelines: list[str]
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    names = ("-n", "SkylineExtract", *(["-n", "SkylineTrain"] if pipelines else []))
    outcome = checkout.reframe("--dry-run", *names, *pipelines)
    assert outcome.code == 0, outcome.text
    stages = [re.findall(r"workloads.skyline (\w+)", each)[0] for each in _commands(checkout)]
    packing = [] if pipelines else ["pack"]
    assert sorted(stages) == sorted(["synthesise", *packing, "train", "extract"])
    cases = {each["stage"]: each for each in checkout.report()["runs"][0]["testcases"]}
    needs = {name for name, *_ in cases["extract"]["dependencies_actual"]}
    assert needs == {cases[each]["unique_name"] for each in ("synthesise", "train")}


def test_an_extraction_without_the_training_of_its_case_is_red(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    outcome = checkout.reframe("--dry-run", "-n", "SkylineExtract", "-P", "preset=tiny")
    assert outcome.code == 1
    assert "could not resolve dependency" in outcome.text


@pytest.mark.parametrize("option", ["-S", "-P"])
def test_photographs_are_read_where_they_are(checkout: Checkout, option: str) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    part = {**local_partition("p"), "extras": {"scratch": "/scratch"}}
    checkout.write("fake_sites.py", configuration(system("s", part)))
    site = ("-C", "fake_sites.py", "--system", "s")
    names = ("-n", "SkylineExtract", "-n", "SkylineTrain", "-P", "pipeline=packed")
    outcome = checkout.reframe("--dry-run", *site, *names, option, "stage_to_scratch=1")
    assert outcome.code == 0, outcome.text
    commands = _commands(checkout)
    assert ["--scratch" in each for each in commands if " train " in each] == [True]
    assert ["--scratch" in each for each in commands if " extract " in each] == [False]
    [case] = [
        each for each in checkout.report()["runs"][0]["testcases"] if each["stage"] == "extract"
    ]
    assert case["stage_to_scratch"] is False


def test_the_skyline_checks_take_another_preset_and_seed_everywhere(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    options = ("-n", "Skyline", "-P", "preset=tiny", "-S", "seed=0")
    outcome = checkout.reframe("--dry-run", *options)
    assert outcome.code == 0, outcome.text
    commands = _commands(checkout)
    assert len(commands) == 7
    assert all("--preset tiny --seed 0" in each for each in commands)


def test_the_real_dataset_is_packed_but_not_synthesised(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    outcome = checkout.reframe("--dry-run", "-n", "Skyline", "-S", "data=/real")
    assert outcome.code == 0, outcome.text
    commands = _commands(checkout)
    assert not any(" synthesise " in each for each in commands)
    assert len(commands) == 5
    assert all("--data /real" in each for each in commands)


PATCHES_ALONE = "left out: SkylineExtract on {}: no photographs/testing is seen from here in {}"


@pytest.mark.parametrize("nested", ["", "patches-dataset/"])
def test_only_a_dataset_with_photographs_has_an_extraction(checkout: Checkout, nested: str) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    data = checkout.folder / "real"
    options = ("--dry-run", "-n", "SkylineExtract", "-S", f"data={data}")
    outcome = checkout.reframe(*options)
    assert outcome.code == 1
    assert "no test case was selected" in outcome.text
    assert PATCHES_ALONE.format("generic:default", data) in outcome.text
    (data / nested / "photographs/testing").mkdir(parents=True)
    outcome = checkout.reframe(*options)
    assert outcome.code == 0, outcome.text
    assert "left out" not in outcome.text
    stages = [re.findall(r"workloads.skyline (\w+)", each)[0] for each in _commands(checkout)]
    assert sorted(stages) == ["extract", "pack", "train"]
    assert all(f"--data {data}" in each for each in _commands(checkout))


def test_a_partition_s_patches_leave_out_its_published_extraction_alone(
    checkout: Checkout,
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    # A site file may name the data of workloads that there are, and no others.
    checkout.write("workloads/skyline/__main__.py", "")
    parts = [{**local_partition(name), "extras": {}} for name in ("with", "without")]
    parts[0]["extras"] = {"data": {"skyline": "/real"}}
    checkout.write("fake_sites.py", configuration(system("s", *parts)))
    site = ("-C", "fake_sites.py", "--system", "s", "--dry-run", "-n", "Skyline")
    outcome = checkout.reframe(*site, "-P", "preset=tiny,published", "-P", "pipeline=packed")
    assert outcome.code == 0, outcome.text
    assert re.findall(r"left out: .*", outcome.text) == [PATCHES_ALONE.format("s:with", "/real")]
    cases = checkout.report()["runs"][0]["testcases"]
    extractions = {
        (each["partition"], each["preset"]) for each in cases if each["stage"] == "extract"
    }
    assert extractions == {("with", "tiny"), ("without", "tiny"), ("without", "published")}


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("-S", "model=huge"),
        ("-P", "model=huge"),
        ("-S", "precision=float8"),
        ("-P", "pipeline=foo"),
        ("-S", "engine=abacus"),
    ],
)
def test_a_value_that_the_skyline_checks_do_not_know_is_refused_by_name(
    checkout: Checkout, option: str, value: str
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    outcome = checkout.reframe("--dry-run", "-n", "Skyline", option, value)
    assert outcome.code == 1
    assert f"{value}: one of (" in outcome.text
    assert not any(" train " in each for each in _commands(checkout))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["preset=published"], {"--epochs 5"}),
        (["preset=published", "epochs=3"], {"--epochs 3"}),
        (["preset=tiny"], set()),
        (["preset=tiny", "jit=1"], {"--jit"}),
        (["preset=tiny", "prefetch_to_device=1"], {"--prefetch-to-device"}),
    ],
)
def test_the_options_of_a_training_reach_its_command_line(
    checkout: Checkout, options: list[str], expected: set[str]
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    preset, *variables = options
    given = ["-P", preset, "-P", "pipeline=files", *(w for each in variables for w in ("-S", each))]
    outcome = checkout.reframe("--dry-run", "-n", "SkylineTrain", *given)
    assert outcome.code == 0, outcome.text
    [train] = [each for each in _commands(checkout) if " train " in each]
    found = re.findall(r"--epochs \d+|--jit|--prefetch-to-device", train)
    assert set(found) == expected


@pytest.mark.parametrize("stage", ["evaluate", "extract"])
@pytest.mark.parametrize(
    "option", [("-S", "SkylineTrain.model=optimised"), ("-P", "SkylineTrain.pipeline=packed,files")]
)
def test_another_case_s_training_is_red(
    checkout: Checkout, option: tuple[str, str], stage: str
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    names = ("-n", "SkylineTrain", "-n", f"Skyline{stage.title()}")
    outcome = checkout.reframe("--dry-run", *names, *option)
    assert outcome.code == 1
    assert f"to {stage} is" in outcome.text


def test_checks_of_another_checkout_are_not_taken_for_these(
    checkout: Checkout, tmp_path: Path
) -> None:
    other = copy_checkout(tmp_path / "other")
    (other.folder / "checks/fake.py").unlink()
    done = subprocess.run(
        [PROGRAM, "-c", "checks", "-l"],
        capture_output=True,
        text=True,
        cwd=checkout.folder,
        env=checkout.environment(PYTHONPATH=str(other.folder)),
    )
    assert done.returncode == 1
    assert "`import checks` finds another package: " in done.stderr


def test_the_states_that_reframe_misreads_are_right_in_every_session(checkout: Checkout) -> None:
    states = "import reframe.core.schedulers.slurm as slurm\n"
    states += "assert slurm.slurm_state_completed('PREEMPTED')\n"
    checkout.write("checks/fake.py", states + FAKE_CHECK)
    outcome = checkout.reframe("-l")
    assert outcome.code == 0, outcome.text


def test_every_check_file_is_one_that_reframe_loads(tmp_path: Path) -> None:
    # ReFrame passes over a file that it does not take for a test file without a word. On this
    # machine alone there is nothing to reduce, and so no case of the collectives, and no image that
    # could cost anything.
    sites = tmp_path / "sites.py"
    platforms = [{"type": "Apptainer"}]
    part = partition("gpu", gpus=4, container_platforms=platforms)
    sites.write_text(configuration(system("cluster", part)))
    files = {path.name for path in (ROOT / "checks").glob("[!_]*.py")}
    command = [Path(sys.executable).parent / "reframe", "-C", sites, "--system", "cluster"]
    listing = subprocess.run(
        [*command, "-c", ROOT / "checks", "-L"],
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    ).stdout
    assert {name for name in files if f"/checks/{name}'" in listing} == files


def _stage(checkout: Checkout, command: str) -> Path:
    """The stage folder of the case whose job runs a command."""
    scripts = checkout.folder.glob("stage/**/rfm_job.sh")
    [found] = [script.parent for script in scripts if command in script.read_text()]
    return found


def _commands(checkout: Checkout) -> list[str]:
    scripts = checkout.folder.glob("stage/**/rfm_job.sh")
    lines = [line for script in scripts for line in script.read_text().splitlines()]
    return [line for line in lines if "-m workloads.skyline" in line]
