"""Every way in which ReFrame alone reports a green session that says nothing is red here."""

import re
import shutil
from typing import Any

import pytest
from fake_checkout import FAKE_CHECK, ROOT, Checkout
from fake_systems import configuration, local_partition, system

SKIPPING = """
    @run_after("{stage}")
    def give_up(self):
        self.skip_if(True, "no licence server")
"""
SANITY = "sanity_patterns = sn.assert_true(1)"
FOREIGN = """
import reframe as rfm
import reframe.utility.sanity as sn


@rfm.simple_test
class Foreign(rfm.RunOnlyRegressionTest):
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = "true"
    sanity_patterns = sn.assert_true(1)
"""


def test_the_fake_check_passes_when_nothing_is_wrong(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r")
    assert outcome.code == 0, outcome.text
    assert "Ran 1/1 test case(s)" in outcome.text


def test_a_check_module_that_fails_to_import_is_red(checkout: Checkout) -> None:
    checkout.write("checks/broken.py", "import reframe\nimport no_such_module\n")
    for options in (["-r"], ["--list"]):
        outcome = checkout.reframe(*options)
        assert outcome.code == 1
        assert "checks/broken.py" in outcome.text
        assert "No module named 'no_such_module'" in outcome.text


def test_a_base_module_that_fails_to_import_is_red(checkout: Checkout) -> None:
    checkout.write("checks/base/guards.py", "import no_such_module\n")
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "error: the checks cannot be loaded: ModuleNotFoundError" in outcome.text


def test_a_check_class_that_fails_to_initialise_is_red(checkout: Checkout) -> None:
    hook = "    @run_after('init')\n    def fail(self):\n        raise ValueError('boom')\n"
    checkout.write("checks/fake.py", FAKE_CHECK + hook)
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "boom" in outcome.text


def test_a_session_without_a_case_is_red(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", "-n", "NoSuchCheck")
    assert outcome.code == 1
    assert "no test case was selected" in outcome.text


@pytest.mark.parametrize("stage", ["init", "setup"])
def test_a_skipped_case_of_the_suite_is_red(checkout: Checkout, stage: str) -> None:
    checkout.write("checks/fake.py", FAKE_CHECK + SKIPPING.format(stage=stage))
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "this case cannot be judged: no licence server" in outcome.text


def test_a_session_in_which_another_suite_s_case_is_skipped_is_red(checkout: Checkout) -> None:
    checkout.write("checks/foreign.py", FOREIGN + SKIPPING.format(stage="setup"))
    outcome = checkout.reframe("-r", "-n", "Foreign")
    assert outcome.code == 1
    assert "skipped, not judged: Foreign" in outcome.text


def test_a_dependency_that_is_not_selected_is_red(checkout: Checkout) -> None:
    hook = "    @run_after('init')\n    def need(self):\n        self.depends_on('Absent')\n"
    checkout.write("checks/foreign.py", FOREIGN + hook)
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert "could not resolve dependency" in outcome.text


@pytest.mark.parametrize("option", ["--skip-sanity-check", "--skip-performance-check"])
def test_a_run_that_is_told_not_to_judge_is_red(checkout: Checkout, option: str) -> None:
    outcome = checkout.reframe("-r", option)
    assert outcome.code == 1
    assert "leaves results or figures unjudged" in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))


def test_a_run_that_is_told_to_pass_missed_references_is_red(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", "-S", "strict_check=no")
    assert outcome.code == 1
    assert "lets missed references pass" in outcome.text


@pytest.mark.parametrize("option", ["-S", "-P"])
def test_a_run_that_shares_its_nodes_is_red(checkout: Checkout, option: str) -> None:
    outcome = checkout.reframe("-r", option, "exclusive_access=no")
    assert outcome.code == 1
    assert "measures beside other jobs on the node" in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))


@pytest.mark.parametrize("option", ["-S", "-P"])
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("container=docker", "container=docker: generic:default declares none in"),
        ("mig_profile=1g.10gb", "mig_profile=1g.10gb: the suite alone sets it"),
        ("container=dokcer", "container=dokcer: one of ('none', 'apptainer',"),
        ("process_per=core", "process_per=core: one of ('node', 'gpu')"),
    ],
)
def test_a_value_that_is_strange_or_the_suite_s_own_is_red_before_it_runs(
    checkout: Checkout, option: str, value: str, complaint: str
) -> None:
    outcome = checkout.reframe("-r", option, value)
    assert outcome.code == 1
    assert complaint in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))


def test_an_unknown_variable_on_the_command_line_is_red(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", "-S", "sead=2")
    assert outcome.code == 1
    assert "-S sead=...: no selected test has a variable of this name" in outcome.text


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("preset=huge", "there is no preset 'huge'"),
        ("num_gpus=64", "no partition holds num_gpus=64"),
        ("num_gpus=-1", "no partition holds num_gpus=-1"),
        ("cpu_nodes=-1", "no partition holds num_gpus=0 cpu_nodes=-1"),
        ("cpu_nodes=0", "no partition holds num_gpus=0 cpu_nodes=0"),
        ("storage=tape", "no partition has storage=tape"),
        ("colour=red", "neither a variable nor a parameter"),
    ],
)
def test_an_impossible_parameter_on_the_command_line_is_red(
    checkout: Checkout, option: str, complaint: str
) -> None:
    outcome = checkout.reframe("-r", "-P", option)
    assert outcome.code == 1
    assert complaint in outcome.text


@pytest.mark.parametrize(
    "faults",
    [
        {
            "tiny": ({"exit_code": 3, "stderr": "error: no such folder"}, "3: no such folder"),
            "smoke": ({"metrics": {"throughput": None}}, "the metric throughput is missing"),
            # No reference speaks of it, so that ReFrame would let it pass.
            "nightly": ({"metrics": {"throughput": {"value": float("nan")}}}, "throughput is nan"),
            "published": ({"status": None}, "the closing record is missing"),
        },
        {
            # The workload ran on other devices than the case asked the scheduler for.
            "tiny": ({"provenance": {"gpus_used": 1}}, "gpus_used is 1, asked for was 0"),
            "smoke": ({"provenance": {"processes": 2}}, "processes is 2, asked for was 1"),
            "nightly": ({"provenance": {"ranks_agree": False}}, "ranks_agree is False"),
            "published": (
                {"metrics": {"validation_accuracy": {"value": 0.5}}},
                "validation_accuracy is 0.5, below its floor 0.9",
            ),
        },
        {
            "tiny": ({"provenance": {"seed": 2}}, "seed is 2, asked for was 1"),
            "smoke": (
                {"provenance": {"preset": "tiny"}},
                "preset is 'tiny', asked for was 'smoke'",
            ),
        },
    ],
)
def test_every_fault_of_a_run_is_red_and_named(
    checkout: Checkout, faults: dict[str, tuple[dict[str, object], str]]
) -> None:
    presets = ",".join(faults)
    fake = {preset: fault for preset, (fault, _) in faults.items()}
    outcome = checkout.reframe("-r", "-P", f"preset={presets}", fake=fake)
    assert outcome.code == 1
    cases = {case["preset"]: case for case in checkout.report()["runs"][0]["testcases"]}
    for preset, (fault, message) in faults.items():
        assert message in str(cases[preset]["fail_reason"])
        assert cases[preset]["job_exitcode"] == fault.get("exit_code", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("job._exitcode = 9", "exit code 9"),
        ("job._state = 'NODE_FAIL'", "the job ended as NODE_FAIL: a node was lost"),
        ("job._state, job.is_cancelling = 'CANCELLED', True", "ReFrame cancelled the job"),
        ("Path(self.stagedir, job.stdout).unlink()", "the closing record is missing"),
    ],
)
def test_all_that_a_scheduler_says_of_a_job_is_judged(
    checkout: Checkout, change: str, message: str
) -> None:
    hook = "    @run_before('sanity')\n    def change(self):\n        job = self.job\n"
    text = f"from pathlib import Path\n{FAKE_CHECK}{hook}        {change}\n"
    checkout.write("checks/fake.py", text)
    outcome = checkout.reframe("-r")
    assert outcome.code == 1
    assert message in outcome.text


def test_a_job_s_output_has_its_exit_code_for_schedulers_that_do_not(checkout: Checkout) -> None:
    checkout.reframe("-r", fake={"exit_code": 3})
    [output] = checkout.folder.glob("stage/**/rfm_job.out")
    assert output.read_text().endswith("\ntrigpoint: exit code 3\n")


def test_a_run_that_was_not_staged_although_it_should_be_is_red(checkout: Checkout) -> None:
    part = {**local_partition("p"), "extras": {"scratch": "/scratch"}}
    checkout.write("fake_sites.py", configuration(system("s", part)))
    options = ("-r", "-C", "fake_sites.py", "--system", "s", "-S", "stage_to_scratch=1")
    outcome = checkout.reframe(*options)
    assert outcome.code == 1
    assert "no record says staged: it should be True" in outcome.text
    outcome = checkout.reframe(*options, fake={"provenance": {"staged": True}})
    assert outcome.code == 0, outcome.text


def make_skyline(checkout: Checkout, pipeline: str) -> dict[str, dict[str, Any]]:
    """Puts the skyline's checks over a fake of it, and says what that must report to pass."""
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    text = (ROOT / "checks/skyline.py").read_text()
    shutil.copytree(checkout.folder / "workloads/fake", checkout.folder / "workloads/skyline")
    required = re.findall(r"^    metrics = \((.*?)\)", text, re.DOTALL | re.MULTILINE)
    metrics: dict[str, Any] = {name: {} for name in re.findall(r"\w+", "".join(required))}
    confirmed = {
        "dataset": "synthetic",
        "pipeline": pipeline,
        "model": "original",
        "precision": "float32",
        "prefetch_to_device": False,
        "engine": "tensorflow",
        "jit": False,
    }
    return {"metrics": metrics, "provenance": confirmed}


def test_the_skyline_is_judged_by_what_must_be_there_and_no_more(checkout: Checkout) -> None:
    good = make_skyline(checkout, "files")
    faults = {
        "tiny": ({"provenance": {"jit": True}}, "jit is True, asked for was False"),
        "smoke": ({"metrics": {"validation_accuracy": {"value": 0.5}}}, "below its floor 0.9"),
        "nightly": ({"metrics": {"test_accuracy": {"value": 0.5}}}, "below its floor 0.9"),
        "published": ({"metrics": {"total_seconds": None}}, "metric total_seconds is missing"),
    }
    fake = {
        preset: {name: {**good[name], **fault.get(name, {})} for name in good}
        for preset, (fault, _) in faults.items()
    }
    options = ("-n", "Skyline", "-P", "pipeline=files", "-P", f"preset={','.join(faults)}")
    outcome = checkout.reframe("-r", *options, fake=fake)
    assert outcome.code == 1
    cases = checkout.report()["runs"][0]["testcases"]
    reasons = {(case["stage"], case["preset"]): case["fail_reason"] or "" for case in cases}
    red = {"tiny": "train", "smoke": "train", "nightly": "evaluate", "published": "synthesise"}
    for preset, stage in red.items():
        assert faults[preset][1] in reasons[stage, preset]

    assert not reasons["train", "nightly"]


@pytest.mark.parametrize(
    "errors",
    [
        {
            # Which is too small to learn anything.
            "tiny": ({"value": 9.0}, ""),
            "smoke": ({"value": 3.0}, ""),
            "nightly": ({"value": 3.01}, "skyline_error is 3.01, above its ceiling 3.0"),
            "published": ({"value": float("nan")}, "skyline_error is nan: not a finite number"),
        },
        {"tiny": (None, "the metric skyline_error is missing")},
    ],
)
def test_an_extraction_is_judged_by_its_error(
    checkout: Checkout, errors: dict[str, tuple[dict[str, float] | None, str]]
) -> None:
    good = make_skyline(checkout, "packed")
    # What prepares the data has no fingerprint to be compared.
    without = {**good["metrics"], "loss_step100": None}
    fake: dict[str, Any] = {
        **good,
        "synthesise": {"metrics": without},
        "pack": {"metrics": without},
    }
    for preset, (error, _) in errors.items():
        fake[preset] = {"extract": {"metrics": {**without, "skyline_error": error}}}

    names = ("-n", "SkylineTrain", "-n", "SkylineExtract", "-P", "pipeline=packed")
    outcome = checkout.reframe("-r", *names, "-P", f"preset={','.join(errors)}", fake=fake)
    assert outcome.code == (1 if any(message for _, message in errors.values()) else 0)
    cases = checkout.report()["runs"][0]["testcases"]
    reasons = {(case["stage"], case["preset"]): case["fail_reason"] or "" for case in cases}
    for preset, (_, message) in errors.items():
        assert message in reasons["extract", preset]
        assert bool(reasons["extract", preset]) == bool(message)
        assert not reasons["train", preset]


def test_a_tiny_run_is_not_held_against_an_accuracy_floor(checkout: Checkout) -> None:
    fake = {"metrics": {"validation_accuracy": {"value": 0.5}}}
    outcome = checkout.reframe("-r", "-P", "preset=tiny", fake=fake)
    assert outcome.code == 0, outcome.text


def test_a_retry_does_not_turn_a_failure_green(checkout: Checkout) -> None:
    # The first try fails, and the case would pass at every later one.
    once = "import os, pathlib\nmark = pathlib.Path(os.environ['HOME'], 'tried')\n"
    fake = (checkout.folder / "workloads/fake/__main__.py").read_text()
    once += "if not mark.exists():\n    mark.touch()\n    raise SystemExit('error: flaky')\n"
    checkout.write("workloads/fake/__main__.py", once + fake)
    outcome = checkout.reframe("-r", "--max-retries=1")
    assert outcome.code == 1
    assert "this is a retry: it does not turn the first failure into a pass" in outcome.text
    assert {case["result"] for run in checkout.report()["runs"] for case in run["testcases"]} == {
        "fail"
    }


def test_a_retry_of_another_suite_s_case_does_not_turn_its_failure_green(
    checkout: Checkout,
) -> None:
    flaky = 'executable = "mkdir $HOME/mark || echo again"'
    sanity = "sanity_patterns = sn.assert_found('again', 'rfm_job.out')"
    foreign = FOREIGN.replace('executable = "true"', flaky)
    checkout.write("checks/foreign.py", foreign.replace(SANITY, sanity))
    outcome = checkout.reframe("-r", "-n", "Foreign", "--max-retries=1")
    assert "FAILED ] Ran" not in outcome.text
    assert outcome.code == 1
    assert "a retry does not turn a failure into a pass" in outcome.text


def test_a_session_that_ran_out_of_time_without_a_result_is_red(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", "--duration=0.3", fake={"seconds": 10})
    assert outcome.code == 1, outcome.text
    assert "none of the 1 test case(s) came to a result" in outcome.text


def test_runs_asked_for_again_are_judged_as_the_first(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", "--reruns=1")
    assert outcome.code == 0, outcome.text
    assert len(checkout.report()["runs"]) == 2


def test_a_dry_run_leaves_no_record_that_something_passed(checkout: Checkout) -> None:
    outcome = checkout.reframe("--dry-run")
    assert outcome.code == 0, outcome.text
    assert not (checkout.folder / "perflogs").exists()


def test_a_login_node_without_a_site_file_is_red_unless_told_otherwise(checkout: Checkout) -> None:
    for command in ("sbatch", "sinfo"):
        checkout.write(f"bin/{command}", "#!/bin/sh\n").chmod(0o755)

    path = f"{checkout.folder / 'bin'}:/usr/bin:/bin"
    outcome = checkout.reframe("-r", PATH=path)
    assert outcome.code == 1
    assert "-S allow_local=1" in outcome.text
    assert not list(checkout.folder.rglob("rfm_job.out"))
    checkout.write("fake_sites.py", configuration(system("s", local_partition("p"))))
    site = ("-C", "fake_sites.py", "--system", "s", "-r")
    for options in (["-r", "-S", "allow_local=1"], ["--dry-run"], site):
        allowed = checkout.reframe(*options, PATH=path)
        assert allowed.code == 0, allowed.text


def test_slurm_s_commands_without_a_cluster_make_no_login_node(checkout: Checkout) -> None:
    said = "sinfo: fatal: Could not establish a configuration source"
    checkout.write("bin/sbatch", "#!/bin/sh\n").chmod(0o755)
    checkout.write("bin/sinfo", f"#!/bin/sh\necho '{said}' >&2\nexit 1\n").chmod(0o755)
    outcome = checkout.reframe("-r", PATH=f"{checkout.folder / 'bin'}:/usr/bin:/bin")
    assert outcome.code == 0, outcome.text
