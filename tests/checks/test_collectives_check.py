"""All-reduces are measured wherever there is more than one replica, once for each partition."""

import re
import shutil

import pytest
from fake_checkout import ROOT, Checkout
from fake_systems import configuration, partition, system

from workloads.collectives.gradients import MODELS

BOTH, SSD = {"nfs": "/nfs", "ssd": "/ssd"}, {"ssd": "/ssd"}
SYSTEMS = configuration(
    system(
        "gpus",
        partition("many", gpus=4, nodes=2, extras={"storage": BOTH, "scratch": "/scratch"}),
        partition("few", gpus=2, extras={"storage": SSD}),
    ),
    system("cpus", partition("cpu", nodes=5)),
    system("single", partition("gpu", gpus=1)),
    system("both", partition("gpu", gpus=2), partition("cpu", nodes=2)),
    system("single-both", partition("gpu", gpus=1), partition("cpu")),
)


@pytest.fixture
def collectives(checkout: Checkout) -> Checkout:
    """A checkout with the check of the collectives, and systems to plan it on."""
    shutil.copy(ROOT / "checks/collectives.py", checkout.folder / "checks")
    checkout.write("fake_sites.py", SYSTEMS)
    return checkout


def on(name: str, *options: str) -> list[str]:
    """Options for AllReduce alone on one of the systems."""
    return ["-C", "fake_sites.py", "--system", name, "-n", "AllReduce", *options]


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        (
            "gpus",
            {
                ("2", "0", "nfs", "gpus:many"),
                ("4", "0", "nfs", "gpus:many"),
                ("8", "0", "nfs", "gpus:many"),
                ("2", "0", "ssd", "gpus:few"),
            },
        ),
        ("cpus", {("0", "2", "local", "cpus:cpu"), ("0", "4", "local", "cpus:cpu")}),
        ("both", {("2", "0", "local", "both:gpu"), ("0", "2", "local", "both:cpu")}),
    ],
)
def test_every_count_above_one_is_a_case_whatever_the_storage(
    collectives: Checkout, name: str, cases: set[tuple[str, ...]]
) -> None:
    outcome = collectives.reframe(*on(name, "-lC"))
    assert outcome.code == 0, outcome.text
    pattern = r"AllReduce %num_gpus=(\d+) %cpu_nodes=(\d+) .*%storage=(\w+) /\w+ @([\w:]+)\+"
    assert set(re.findall(pattern, outcome.text)) == cases, outcome.text


@pytest.mark.parametrize("names", [("slstr",), ("slstr", "skyline"), ("slstr", "collectives")])
def test_it_runs_in_the_first_image_that_carries_it(
    collectives: Checkout, names: tuple[str, ...]
) -> None:
    for name in names:
        collectives.write(f"workloads/{name}/__main__.py", "")

    images = {name: f"/images/{name}.sif" for name in names}
    part = partition("cpu", nodes=2, extras={"images": images})
    site = system("images", {**part, "container_platforms": [{"type": "Apptainer"}]})
    collectives.write("fake_sites.py", configuration(site))
    outcome = collectives.reframe(*on("images", "--dry-run"))
    assert outcome.code == 0, outcome.text
    [script] = collectives.folder.glob("stage/**/AllReduce*/rfm_job.sh")
    assert f" {images[names[-1]]} " in script.read_text()


@pytest.mark.parametrize(
    "options",
    [[], *(["-C", "fake_sites.py", "--system", name] for name in ("single", "single-both"))],
)
def test_where_nothing_can_be_reduced_other_checks_run_without_a_warning(
    collectives: Checkout, options: list[str]
) -> None:
    outcome = collectives.reframe(*options, "--dry-run")
    assert outcome.code == 0, outcome.text
    assert "FakeTrain" in outcome.text
    assert "AllReduce" not in outcome.text
    assert "WARNING" not in outcome.text


def test_asking_for_it_where_nothing_can_be_reduced_is_red(collectives: Checkout) -> None:
    outcome = collectives.reframe("-r", "-n", "AllReduce")
    assert outcome.code == 1
    assert "no test case was selected" in outcome.text


def test_the_job_takes_all_replicas_and_no_data(collectives: Checkout) -> None:
    options = ("--dry-run", "-P", "preset=tiny", "-S", "data=/real", "-S", "stage_to_scratch=1")
    outcome = collectives.reframe(*on("gpus", *options))
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in collectives.folder.glob("stage/**/rfm_job.sh")]
    assert len(scripts) == 4
    assert not any("/real" in each or "--scratch" in each for each in scripts)
    [eight] = [each for each in scripts if "--gpus 8" in each]
    assert "-m workloads.collectives allreduce --preset tiny --seed 1" in eight
    assert "#SBATCH --ntasks=2\n" in eight
    assert "#SBATCH --gpus-per-node=4\n" in eight


@pytest.mark.parametrize(("name", "option"), [("gpus", "num_gpus"), ("cpus", "cpu_nodes")])
def test_a_case_of_one_replica_is_left_out_and_said_so(
    collectives: Checkout, name: str, option: str
) -> None:
    outcome = collectives.reframe(*on(name, "--dry-run", "-P", f"{option}=1,2"))
    assert outcome.code == 0, outcome.text
    assert "one replica has nothing to reduce" in outcome.text
    assert not re.search(rf"RUN.*%{option}=1 ", outcome.text)
    assert re.search(rf"OK \].*AllReduce.*%{option}=2 ", outcome.text)
    outcome = collectives.reframe(*on(name, "-r", "-P", f"{option}=1"))
    assert outcome.code == 1
    assert "no test case was selected" in outcome.text


def test_storage_that_is_asked_for_by_hand_does_not_take_the_case_away(
    collectives: Checkout,
) -> None:
    outcome = collectives.reframe(*on("gpus", "--dry-run", "-P", "storage=ssd"))
    assert outcome.code == 0, outcome.text
    assert "gpus:few" in outcome.text
    assert "gpus:many" in outcome.text


def test_a_reference_is_keyed_by_what_changes_the_figures(collectives: Checkout) -> None:
    collectives.write(
        "systems/references/cpus.yaml",
        """
cpu:
  AllReduce:
    - case: {preset: tiny, num_gpus: 0, cpu_nodes: 2, process_per: node, container: none}
      source: a night
      runs: 1
      references:
        allreduce_bus_bandwidth: {value: 1, lower: -0.1, upper: null, unit: GB/s}
""",
    )
    outcome = collectives.reframe(*on("cpus", "--dry-run", "-P", "preset=tiny"))
    assert outcome.code == 0, outcome.text


def test_the_check_has_a_metric_for_each_model_of_the_workload() -> None:
    source = (ROOT / "checks/collectives.py").read_text()
    named = set(re.findall(r'"allreduce_seconds_(\w+)"', source))
    assert named == set(MODELS)
