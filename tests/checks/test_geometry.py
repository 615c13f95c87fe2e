"""A case takes as many GPUs, nodes and tasks as the partitions at hand hold, and no more."""

import itertools
import re
import shutil
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from fake_checkout import FAKE_CHECK, ROOT, Checkout
from fake_systems import configuration, local_partition, partition, system

from checks.base import geometry, presets
from checks.base.geometry import Size


@dataclass
class Part:
    """As much of ReFrame's partition as geometry and presets read."""

    gpus: int = 0
    nodes: int = 1
    fullname: str = "site:part"
    extras: dict[str, Any] = field(default_factory=dict)
    is_local: bool = True

    def __post_init__(self) -> None:
        self.extras = {"num_nodes": self.nodes, **self.extras}
        self.devices = [SimpleNamespace(device_type="gpu", num_devices=self.gpus)]
        self.devices = self.devices if self.gpus else []
        self.scheduler = SimpleNamespace(is_local=self.is_local)


@pytest.mark.parametrize(
    ("gpus", "nodes", "counts"),
    [
        (0, 1, [0]),
        (0, 64, [0]),
        (1, 1, [1]),
        (4, 4, [1, 2, 4, 8, 16]),
        (8, 1, [1, 2, 4, 8]),
        (16, 2, [1, 2, 4, 8, 16, 32]),
        (6, 2, [1, 2, 4, 8]),
        (8, 100, [1, 2, 4, 8, 16, 32]),
    ],
)
def test_gpu_counts_are_those_that_the_partition_holds(
    gpus: int, nodes: int, counts: list[int]
) -> None:
    assert geometry.gpu_counts([Part(gpus, nodes)]) == counts


def test_gpu_counts_without_partitions_are_one_cpu_case() -> None:
    assert geometry.gpu_counts([]) == [0]
    assert geometry.cpu_node_counts([]) == [1]


@pytest.mark.parametrize(
    ("parts", "counts"),
    [
        ([Part()], [1]),
        ([Part(nodes=6)], [1, 2, 4]),
        ([Part(nodes=64), Part(nodes=2)], [1, 2, 4, 8, 16, 32]),
        ([Part(nodes=6), Part(gpus=1)], [0, 1, 2, 4]),
        ([Part(gpus=1, nodes=6)], [0]),
    ],
)
def test_cpu_cases_take_as_many_nodes_as_there_are_without_a_gpu(
    parts: list[Part], counts: list[int]
) -> None:
    assert geometry.cpu_node_counts(parts) == counts


def test_a_partition_without_gpus_has_cpu_cases_beside_one_with_gpus() -> None:
    both = [Part(2), Part(nodes=2)]
    assert geometry.gpu_counts(both) == [0, 1, 2]
    assert geometry.cpu_node_counts(both) == [0, 1, 2]


@pytest.mark.parametrize(
    ("gpus", "nodes", "crossings"),
    [
        ([0, 1], [0, 1], [(0, 0), (1, 1)]),
        ([2], [0, 1], [(2, 1)]),
        ([0, 1], [2], [(1, 2)]),
        ([0], [0], []),
        ([2], [2], []),
    ],
)
def test_a_crossing_is_none_where_no_other_size_was_asked_for(
    gpus: list[int], nodes: list[int], crossings: list[tuple[int, int]]
) -> None:
    sizes = [Size(*each) for each in itertools.product(gpus, nodes)]
    both = [Part(2), Part(nodes=2)]
    found = [each for each in sizes if geometry.is_crossing(each, sizes, both)]
    assert found == [Size(*each) for each in crossings]
    assert not any(geometry.is_crossing(each, sizes, [Part(2)]) for each in sizes)
    assert not any(geometry.is_crossing(each, sizes, [Part(nodes=2)]) for each in sizes)


@pytest.mark.parametrize(
    ("num_gpus", "layout"),
    [
        (0, None),
        (1, geometry.Layout(1, 1, 1)),
        (4, geometry.Layout(1, 4, 1)),
        (8, geometry.Layout(2, 4, 1)),
        (16, geometry.Layout(4, 4, 1)),
        (32, None),
    ],
)
def test_a_case_takes_the_fewest_nodes_that_hold_it(
    num_gpus: int, layout: geometry.Layout | None
) -> None:
    assert geometry.layout(Size(num_gpus, 0), Part(4, 4)) == layout


@pytest.mark.parametrize("num_gpus", [1, 2, 4, 8, 16])
def test_one_process_for_each_gpu_makes_as_many_tasks(num_gpus: int) -> None:
    found = geometry.layout(Size(num_gpus, 0), Part(4, 4), "gpu")
    assert found is not None
    assert found.num_tasks == num_gpus
    assert found.processes_per_node == found.gpus_per_node


def test_a_cpu_case_has_one_process_on_each_of_its_nodes() -> None:
    assert geometry.layout(Size(0, 2), Part(nodes=4)) == geometry.Layout(2, 0, 1)
    assert geometry.layout(Size(0, 8), Part(nodes=4)) is None
    assert geometry.layout(Size(0, 2), Part(gpus=1, nodes=4)) is None
    assert geometry.layout(Size(0, 2), Part(nodes=4), "gpu") is None
    assert geometry.layout(Size(0, 0), Part(nodes=4)) is None


def test_gpus_say_how_many_nodes_a_case_takes_and_no_other_device_counts() -> None:
    part = Part(4, 4)
    assert geometry.layout(Size(1, 2), part) is None
    part.devices.append(SimpleNamespace(device_type="nic", num_devices=8))
    assert geometry.gpus_per_node(part) == 4


def test_a_count_below_zero_is_held_nowhere() -> None:
    assert geometry.layout(Size(-1, 0), Part(4, 4)) is None
    assert geometry.layout(Size(0, -1), Part(nodes=4)) is None


def test_a_case_takes_one_mig_instance_and_never_two() -> None:
    part = Part(7, 2, extras={"mig_profile": "1g.10gb"})
    assert geometry.gpu_counts([part]) == [1]
    with pytest.raises(ValueError, match="site:part has MIG instances, of which a case takes one"):
        geometry.holders(Size(2, 0), "local", [part])
    for size, parts in [(Size(0, 1), [part]), (Size(2, 0), [Part(1)])]:
        with pytest.raises(ValueError, match=r"are held$"):
            geometry.holders(size, "local", parts)


def test_gpus_that_do_not_divide_a_node_are_dealt_evenly() -> None:
    assert geometry.layout(Size(8, 0), Part(6, 2)) == geometry.Layout(2, 4, 1)


def test_only_partitions_that_hold_a_case_get_it() -> None:
    parts = [
        Part(4, 1, "s:a", {"storage": {"ssd": "/ssd"}}),
        Part(8, 1, "s:b", {"storage": {"ssd": "/ssd", "network": "/nfs"}}),
        Part(0, 9, "s:cpu"),
    ]
    assert geometry.holders(Size(4, 0), "ssd", parts) == ["s:a", "s:b"]
    assert geometry.holders(Size(8, 0), "ssd", parts) == ["s:b"]
    assert geometry.holders(Size(1, 0), "network", parts) == ["s:b"]
    assert geometry.holders(Size(1, 0), "local", parts) == []
    assert geometry.storage_kinds(parts) == ["ssd", "network", "local"]


def test_what_no_partition_has_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no partition holds num_gpus=2 .* num_gpus=\[1\]"):
        geometry.holders(Size(2, 0), "local", [Part(1)])
    with pytest.raises(ValueError, match=r"no partition has storage=tape: \['local'\] are there"):
        geometry.holders(Size(1, 0), "tape", [Part(1)])
    with pytest.raises(ValueError, match=r"no partition holds .* with one process per gpu"):
        geometry.holders(Size(0, 1), "local", [Part()], "gpu")


def test_the_preset_is_smoke_only_where_there_is_neither_gpu_nor_scheduler() -> None:
    assert presets.default_preset([Part()]) == "smoke"
    assert presets.default_preset([Part(), Part(gpus=1)]) == "nightly"
    assert presets.default_preset([Part(is_local=False)]) == "nightly"


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="there is no preset 'big': choose one of tiny, smoke"):
        presets.limits("big")


SYSTEMS = configuration(
    system("four-by-four", partition("gpu", gpus=4, nodes=4), partition("cpu", nodes=4)),
    system("eight", partition("gpu", gpus=8, extras={"storage": {"nfs": "/n f s", "ssd": "/s"}})),
    system("no-resource", partition("gpu", gpus=1, resources=[])),
    system("two-and-cpu", partition("gpu", gpus=2), partition("cpu", nodes=2)),
)


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("generic", {("0", "1", "smoke", "local", "generic:default")}),
        (
            "four-by-four",
            {(n, "0", "nightly", "local", "four-by-four:gpu") for n in ("1", "2", "4", "8", "16")}
            | {("0", n, "nightly", "local", "four-by-four:cpu") for n in ("1", "2", "4")},
        ),
        (
            "eight",
            {
                (n, "0", "nightly", s, "eight:gpu")
                for n in ("1", "2", "4", "8")
                for s in ("nfs", "ssd")
            },
        ),
    ],
)
def test_reframe_lists_the_cases_that_a_system_holds(
    checkout: Checkout, name: str, cases: set[tuple[str, ...]]
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", name, "-lC")
    pattern = r"%num_gpus=(\d+) %cpu_nodes=(\d) %preset=(\w+) %storage=(\w+) /\w+ @([\w:-]+)\+"
    assert set(re.findall(pattern, outcome.text)) == cases, outcome.text


NAMES = re.compile(r"- (FakeTrain|Skyline\w+|AllReduce|Slstr\w+)( %.*? /\w+) @([\w:-]+)\+")


@pytest.mark.parametrize("check", ["fake.py", "skyline.py", "collectives.py", "slstr.py"])
def test_a_cpu_partition_changes_no_name_and_no_hash_of_the_gpu_cases(
    checkout: Checkout, check: str
) -> None:
    if check != "fake.py":
        shutil.copy(ROOT / "checks" / check, checkout.folder / "checks")
        (checkout.folder / "checks/fake.py").unlink()

    gpu, cpu = partition("gpu", gpus=2), partition("cpu", nodes=2)
    found = {}
    for name, parts in {"gpu": [gpu], "cpu": [cpu], "both": [gpu, cpu]}.items():
        checkout.write("fake_sites.py", configuration(system("s", *parts)))
        outcome = checkout.reframe("-C", "fake_sites.py", "--system", "s", "-lC")
        assert outcome.code == 0, outcome.text
        found[name] = set(NAMES.findall(outcome.text))

    assert found["both"] == found["gpu"] | found["cpu"]
    assert found["gpu"]
    assert found["cpu"]


def test_what_crosses_gpus_with_cpu_nodes_is_no_case_and_prepares_nothing(
    checkout: Checkout,
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    selected = ("-C", "fake_sites.py", "--system", "two-and-cpu", "--dry-run")
    files = ("-P", "pipeline=files")
    sizes = ("-P", "num_gpus=0,2", "-P", "cpu_nodes=0,1")
    outcome = checkout.reframe(*selected, *files, "-n", "Skyline", *sizes)
    assert outcome.code == 0, outcome.text
    assert "WARNING" not in outcome.text
    # On each partition one size, trained and evaluated, and one preparation; of the sizes one node
    # alone is an extraction's.
    assert "Ran 7/7 test case(s)" in outcome.text
    shutil.rmtree(checkout.folder / "stage")
    outcome = checkout.reframe(*selected, *files, "-n", "SkylineTrain", "-P", "num_gpus=2")
    assert "Ran 2/2 test case(s)" in outcome.text
    folders = {path.parent.parent.parent.name for path in checkout.folder.glob("stage/**/*.sh")}
    assert folders == {"gpu"}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["num_gpus=4"], "no partition holds num_gpus=4 cpu_nodes=0"),
        (["cpu_nodes=4"], "no partition holds num_gpus=0 cpu_nodes=4"),
        (["num_gpus=1", "cpu_nodes=1"], "no partition holds num_gpus=1 cpu_nodes=1"),
        (["num_gpus=0", "cpu_nodes=0"], "no partition holds num_gpus=0 cpu_nodes=0"),
    ],
)
def test_a_size_given_by_hand_is_refused_by_name_beside_the_crossings(
    checkout: Checkout, options: list[str], complaint: str
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    given = [word for option in options for word in ("-P", option)]
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "two-and-cpu", "-r", *given)
    assert outcome.code == 1
    assert complaint in outcome.text


@pytest.mark.parametrize(
    ("name", "options", "sizes"),
    [
        ("four-by-four", [], [("1", "0"), ("0", "1")]),
        ("eight", [], [("1", "0"), ("1", "0")]),
        ("four-by-four", ["-P", "num_gpus=1,4", "-P", "cpu_nodes=0"], [("1", "0")]),
        ("four-by-four", ["-P", "num_gpus=4", "-P", "cpu_nodes=0"], []),
        ("four-by-four", ["-P", "cpu_nodes=2", "-P", "num_gpus=0"], []),
    ],
)
def test_extraction_is_of_one_gpu_or_one_node_and_no_name_of_more_is_green(
    checkout: Checkout, name: str, options: list[str], sizes: list[tuple[str, str]]
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    checkout.write("fake_sites.py", SYSTEMS)
    selected = ("-C", "fake_sites.py", "--system", name, *options)
    outcome = checkout.reframe(*selected, "-n", "Skyline", "-lC")
    assert outcome.code == 0, outcome.text
    pattern = r"- SkylineExtract %num_gpus=(\d+) %cpu_nodes=(\d+) .*%pipeline=packed"
    assert sorted(re.findall(pattern, outcome.text)) == sorted(sizes)
    assert outcome.text.count("- SkylineExtract ") == len(sizes)
    alone = checkout.reframe(*selected, "-n", "SkylineExtract", "--dry-run")
    assert alone.code == (1 if options else 0), alone.text
    assert ("no test case was selected" in alone.text) == (not sizes)


def test_a_process_for_each_gpu_leaves_the_cpu_cases_out_and_says_so(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    selected = ("-C", "fake_sites.py", "--system", "two-and-cpu", "--dry-run")
    outcome = checkout.reframe(*selected, "-S", "process_per=gpu")
    assert outcome.code == 0, outcome.text
    assert "Ran 2/2 test case(s)" in outcome.text
    assert re.search(r"left out: FakeTrain %num_gpus=0 %cpu_nodes=2 .*it has no GPU", outcome.text)


def test_job_scripts_ask_for_nodes_gpus_and_limits(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "four-by-four", "--dry-run")
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    [sixteen] = [text for text in scripts if "--gpus 16" in text]
    for line in (
        "#SBATCH --ntasks=4",
        "#SBATCH --ntasks-per-node=1",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --exclusive",
        "#SBATCH --time=1:0:0",
    ):
        assert line in sixteen.splitlines()
    [one] = [text for text in scripts if "--gpus 1\n" in text]
    assert "#SBATCH --gpus-per-node=1" in one
    assert "#SBATCH --ntasks=1\n" in one


def test_the_storage_of_a_case_is_its_cache(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "eight", "--dry-run")
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    assert sum("--cache '/n f s' " in text for text in scripts) == 4
    assert sum("--cache /s " in text for text in scripts) == 4


def test_a_partition_without_the_gpu_resource_is_red_before_a_job_is_sent(
    checkout: Checkout,
) -> None:
    checkout.write("fake_sites.py", SYSTEMS)
    outcome = checkout.reframe("-C", "fake_sites.py", "--system", "no-resource", "--dry-run")
    assert outcome.code == 1
    assert "no-resource:gpu: resources: _rfm_gpu is missing" in outcome.text


def _scripts(checkout: Checkout, *options: str) -> list[str]:
    outcome = checkout.reframe("-C", "fake_sites.py", "--dry-run", *options)
    assert outcome.code == 0, outcome.text
    return [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]


CLUSTER = configuration(
    system(
        "cluster",
        partition(
            "cpu",
            nodes=4,
            processor={"num_cpus": 40},
            features=["offline"],
            extras={
                "interconnect": {"name": "InfiniBand EDR", "interface": "ib0"},
                "scratch": "/local scratch",
                "data": {"fake": "/data/fake"},
            },
        ),
    ),
    system(
        "gpus",
        partition("gpu", gpus=4, nodes=2, processor={"num_cpus": 40}),
    ),
    system("accounting", partition("gpu", gpus=1, scheduler="slurm")),
    system("torque", partition("gpu", gpus=1, scheduler="torque", launcher="mpirun")),
    system("pbs", partition("gpu", gpus=1, scheduler="pbs", launcher="mpirun")),
    system(
        "workstation",
        {
            **local_partition("gpu"),
            "devices": [{"type": "gpu", "num_devices": 1}],
            "processor": {"num_cpus": 40},
            "extras": {"mig_profile": "1g.10gb", "data": {"fake": "/data/fake"}},
        },
    ),
)


def test_cpu_cases_take_whole_nodes_and_all_their_processors(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    scripts = _scripts(checkout, "--system", "cluster")
    assert len(scripts) == 3
    [four] = [text for text in scripts if "#SBATCH --ntasks=4\n" in text]
    assert "#SBATCH --ntasks-per-node=1\n" in four
    assert "#SBATCH --cpus-per-task=40\n" in four
    assert "srun --cpus-per-task=40 --kill-on-bad-exit=1 --distribution=block " in four


def test_one_process_for_each_gpu_shares_the_processors_of_a_node(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    options = ("--system", "gpus", "-P", "num_gpus=8", "-S", "process_per=gpu")
    [script] = _scripts(checkout, *options)
    for line in (
        "#SBATCH --ntasks=8",
        "#SBATCH --ntasks-per-node=4",
        "#SBATCH --gpus-per-node=4",
        "#SBATCH --cpus-per-task=10",
    ):
        assert line in script.splitlines()


def test_an_unknown_process_per_is_refused_by_name(checkout: Checkout) -> None:
    outcome = checkout.reframe("--dry-run", "-S", "process_per=core")
    assert outcome.code == 1
    assert "process_per=core: one of ('node', 'gpu')" in outcome.text
    # One that there is, but not for nodes without GPUs.
    outcome = checkout.reframe("--dry-run", "-S", "process_per=gpu")
    assert outcome.code == 1
    assert "no partition holds num_gpus=0 cpu_nodes=1 with one process per gpu" in outcome.text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gpus", "#SBATCH --no-requeue\n"),
        ("accounting", "#SBATCH --no-requeue\n"),
        ("torque", "#PBS -r n\n"),
        ("pbs", "#PBS -r n\n"),
    ],
)
def test_a_job_starts_once_only(checkout: Checkout, name: str, line: str) -> None:
    # ReFrame waits for ever for a job that the scheduler has put back into its queue.
    checkout.write("fake_sites.py", CLUSTER)
    [script] = _scripts(checkout, "--system", name, "-P", "num_gpus=1")
    assert line in script


def test_a_job_knows_the_fabric_and_that_it_is_offline(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    for script in _scripts(checkout, "--system", "cluster"):
        assert "export TRIGPOINT_FABRIC_INTERFACE=ib0\n" in script
        assert "export TRIGPOINT_OFFLINE=1\n" in script

    shutil.rmtree(checkout.folder / "stage")
    for script in _scripts(checkout, "--system", "gpus"):
        assert "TRIGPOINT_" not in script


def test_records_can_be_read_by_the_group_whatever_the_user_s_mask(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    for script in _scripts(checkout, "--system", "cluster"):
        assert "umask g+rx,go-w\n" in script


def test_the_partition_s_dataset_is_for_the_published_size_alone(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    options = ("--system", "cluster", "-P", "cpu_nodes=1", "-P", "preset=tiny,published")
    scripts = _scripts(checkout, *options)
    [published] = [text for text in scripts if "--data /data/fake " in text]
    assert "--preset published" in published
    assert len(scripts) == 2


def test_options_that_a_job_has_already_are_kept(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    hook = """
    @run_after("setup")
    def ask_for_more(self):
        self.job.options = ["--comment=night"]
        self.job.launcher.options = ["--mpi=pmix"]
"""
    checkout.write("checks/fake.py", FAKE_CHECK + hook)
    [script] = _scripts(checkout, "--system", "gpus", "-P", "num_gpus=1")
    assert "#SBATCH --comment=night\n" in script
    assert re.search("srun .*--mpi=pmix --kill-on-bad-exit=1 ", script)


def test_a_local_case_asks_nobody_for_its_gpu_or_processors(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    _scripts(checkout, "--system", "workstation")
    [case] = checkout.report()["runs"][0]["testcases"]
    assert case["num_cpus_per_task"] is None
    assert case["mig_profile"] == "1g.10gb"


@pytest.mark.parametrize(
    ("options", "data", "dataset"),
    [
        (["-P", "preset=published"], "/data/fake", "given"),
        (["-P", "preset=published", "-S", "data=/mine"], "/mine", "given"),
        (["-P", "preset=tiny", "-S", "data=/mine"], "/mine", "given"),
        (["-P", "preset=tiny"], None, "synthetic"),
    ],
)
def test_a_case_says_whether_its_dataset_was_given(
    checkout: Checkout, options: list[str], data: str | None, dataset: str
) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    [script] = _scripts(checkout, "--system", "workstation", *options)
    assert re.findall(r"--data (\S+)", script) == ([data] if data else [])
    [case] = checkout.report()["runs"][0]["testcases"]
    assert case["dataset"] == dataset


def test_staging_without_a_scratch_is_refused_before_a_job_is_sent(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    options = ("-C", "fake_sites.py", "--system", "gpus", "-S", "stage_to_scratch=1")
    outcome = checkout.reframe("--dry-run", *options)
    assert outcome.code == 1
    assert "gpus:gpu has no scratch to stage to" in outcome.text


def test_the_skyline_stages_get_scratch_and_peak_from_the_partition(checkout: Checkout) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    extras = {"scratch": "/local scratch", "gpu_peak_tflops": {"float32": 15.7}}
    checkout.write("fake_sites.py", configuration(system("s", partition("p", 1, extras=extras))))
    options = ("-n", "SkylineTrain", "-P", "pipeline=packed", "-S", "stage_to_scratch=1")
    scripts = _scripts(checkout, "--system", "s", *options)
    [train] = [text for text in scripts if " train " in text]
    assert "--scratch '/local scratch' " in train
    assert "--gpu-peak-tflops 15.7" in train


@pytest.mark.parametrize(
    ("precision", "peak"), [("mixed_float16", ["125"]), ("mixed_bfloat16", [])]
)
def test_the_peak_is_that_of_the_precision(
    checkout: Checkout, precision: str, peak: list[str]
) -> None:
    shutil.copy(ROOT / "checks/skyline.py", checkout.folder / "checks")
    peaks = {"float32": 15.7, "mixed_float16": 125}
    extras = {"scratch": "/scratch", "gpu_peak_tflops": peaks}
    part = partition("p", 1, extras=extras, processor={"num_cpus": 40})
    checkout.write("fake_sites.py", configuration(system("s", part)))
    options = ("-n", "SkylineTrain", "-P", "pipeline=files", "-S", f"precision={precision}")
    scripts = _scripts(checkout, "--system", "s", *options)
    [train] = [text for text in scripts if " train " in text]
    assert re.findall(r"--gpu-peak-tflops (\S+)", train) == peak
    # Not asked to stage, although there is a scratch.
    assert "--scratch" not in train
    # What prepares the data is one process, too, and has the node to itself.
    assert all("#SBATCH --cpus-per-task=40\n" in text for text in scripts)
    assert len(scripts) == 2


def test_limits_given_by_hand_are_taken(checkout: Checkout) -> None:
    checkout.write("fake_sites.py", CLUSTER)
    limits = ("-S", "time_limit=7m", "-S", "max_pending_time=9m")
    [script] = _scripts(checkout, "--system", "gpus", "-P", "num_gpus=1", *limits)
    assert "#SBATCH --time=0:7:0" in script
    [case] = checkout.report()["runs"][0]["testcases"]
    assert case["max_pending_time"] == 540
