"""What a container costs is measured where there is one, within one job, and judged."""

import shutil
from typing import Any

import pytest
from fake_checkout import ROOT, Checkout, Outcome
from fake_runtimes import path_with, place_image, place_runtimes
from fake_systems import configuration, local_partition, partition, system

# The fake workload, which answers on either side as `native` and `image` of FAKE say.
TWO_SIDED = """
import json, os, sys
fake = json.loads(os.environ["FAKE"])
side = "image" if "IMAGE_IDENTITY" in os.environ else "native"
os.environ["FAKE"] = json.dumps({**fake, **fake.get(side, {})})
from workloads.fake.__main__ import main
sys.exit(main())
"""
TOLD = {"workload_version": "1", "precision": "float32", "deterministic": True}


@pytest.fixture
def costing(checkout: Checkout) -> Checkout:
    """A checkout with the check and its workload, which trains the fake one natively, and in images
    of a fake Apptainer."""
    shutil.copy(ROOT / "checks/container.py", checkout.folder / "checks")
    for name in ("common", "container"):
        folder = checkout.folder / "workloads" / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "workloads" / name, folder, dirs_exist_ok=True, ignore=ignore)

    for name in ("skyline", "slstr"):
        checkout.write(f"workloads/{name}/__init__.py", 'VERSION = "1"\n')
        checkout.write(f"workloads/{name}/__main__.py", TWO_SIDED)

    # Importing the real one takes longer than all the rest.
    checkout.write("tensorflow.py", "")
    place_runtimes(checkout, "apptainer", "docker", "srun")
    return checkout


def place_site(checkout: Checkout, *platforms: str, images: dict[str, str], **more: Any) -> None:
    """A site of one local partition that has these container platforms, the first by default."""
    loaded = {"env_vars": [["OF_THE_PLATFORM", "1"]]}
    declared = [{"type": name, "default": name == platforms[0], **loaded} for name in platforms]
    part = {**local_partition("p"), "container_platforms": declared, "extras": {"images": images}}
    checkout.write("site.py", configuration(system("site", part | more)))


def run(checkout: Checkout, *options: str, **fake: Any) -> Outcome:
    """A session of this check alone; `fake` is what the workload answers."""
    site = ("-C", "site.py", "--system", "site", "-n", "ContainerCost")
    given = ("-P", "trained_workload=skyline", "-P", "preset=tiny", "-S", "any_image_commit=1")
    answers = {"provenance": TOLD, **fake}
    return checkout.reframe(*site, *given, *options, fake=answers, PATH=path_with(checkout))


def script(checkout: Checkout) -> str:
    """The job script of the one case that there is."""
    [path] = checkout.folder.glob("stage/**/rfm_job.sh")
    return path.read_text()


def test_an_image_that_costs_nothing_is_green_and_its_figures_are_kept(costing: Checkout) -> None:
    image = place_image(costing, "skyline")
    place_site(costing, "Apptainer", images={"skyline": str(image)})
    outcome = run(costing, "-r")
    assert outcome.code == 0, outcome.text
    [row] = costing.perflog("ContainerCost", "site/p")
    assert (row["container"], row["image"]) == ("apptainer", str(image))
    assert row["image_commit"] == "c0ffee"
    assert row["image_digest"].startswith("sha256:")
    for name in ("throughput_ratio", "throughput_ratio_low", "throughput_ratio_high"):
        assert float(row[f"{name}_value"]) == pytest.approx(1, abs=0.01)

    assert float(row["image_size_bytes_value"]) == image.stat().st_size
    # Both sides five times, in turn: what each of them said is there to be read.
    assert len([*costing.folder.glob("output/**/train-*.out.log")]) == 10


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        ({"metrics": {"throughput": {"value": 960.0}}}, "throughput_ratio_high is 0.96"),
        ({"metrics": {"loss_step100": {"value": 0.2500001}}}, "loss_step100 is 0.25 in run 1 nat"),
        ({"stderr": "error: the disk is full", "exit_code": 1}, "code 1: the disk is full"),
    ],
)
def test_an_image_that_is_slower_learns_something_else_or_fails_is_red(
    costing: Checkout, image: dict[str, Any], complaint: str
) -> None:
    place_site(costing, "Apptainer", images={"skyline": str(place_image(costing, "skyline"))})
    outcome = run(costing, "-r", image=image)
    assert outcome.code == 1
    assert complaint in outcome.text, outcome.text


def test_the_job_is_native_and_is_told_how_the_image_is_started(costing: Checkout) -> None:
    reference = f"registry.example/skyline@sha256:{'0' * 64}"
    place_site(costing, "Docker", images={"skyline": reference})
    outcome = run(costing, "--dry-run")
    assert outcome.code == 0, outcome.text
    [line] = [each for each in script(costing).splitlines() if "workloads.container" in each]
    native, launch = line.split(" -- ")
    assert " -m workloads.container cost --preset tiny --seed 1 " in native
    assert "--workload skyline --output run --gpus 0" in native
    assert "--image" not in native
    assert launch.startswith("docker run ")
    assert "\nexport OF_THE_PLATFORM=1\n" in script(costing)
    assert "\nunset " not in script(costing)
    assert launch.endswith(f"{reference} /opt/trigpoint/environment/bin/python")


def test_on_a_partition_with_gpus_one_of_them_is_used_on_both_sides(costing: Checkout) -> None:
    extras = {"images": {"skyline": "/images/skyline.sif"}}
    platforms = [{"type": "Apptainer"}]
    part = partition("p", gpus=4, extras=extras, container_platforms=platforms)
    costing.write("site.py", configuration(system("site", part)))
    outcome = run(costing, "--dry-run")
    assert outcome.code == 0, outcome.text
    [line] = [each for each in script(costing).splitlines() if "workloads.container" in each]
    assert "--gpus 1 --image /images/skyline.sif -- apptainer exec " in line
    assert " --nv " in line
    assert "#SBATCH --gpus-per-node=1\n" in script(costing)
    assert "#SBATCH --time=0:15:0\n" in script(costing)


@pytest.mark.parametrize(
    ("platforms", "options", "reason"),
    [
        ([], [], "without a container platform there is nothing to compare"),
        (["Apptainer"], ["-S", "container=none"], "without a container platform"),
        (["Pyxis"], [], "Pyxis puts a whole job step into an image"),
    ],
)
def test_where_nothing_can_be_compared_there_is_no_case_and_it_is_said_why(
    costing: Checkout, platforms: list[str], options: list[str], reason: str
) -> None:
    place_site(costing, *platforms, images={"skyline": "/images/skyline.sif"}, launcher="srun")
    outcome = run(costing, "--dry-run", *options)
    assert outcome.code == 1
    assert f"left out: ContainerCost on site:p: {reason}" in outcome.text
    assert "no test case was selected" in outcome.text


def test_a_native_case_that_is_asked_for_by_a_parameter_is_refused(costing: Checkout) -> None:
    place_site(costing, "Apptainer", images={"skyline": "/images/skyline.sif"})
    outcome = run(costing, "--dry-run", "-P", "container=none")
    assert outcome.code == 1
    assert "container=none: without a container platform" in outcome.text


def test_the_image_is_that_of_the_training(costing: Checkout) -> None:
    place_site(costing, "Apptainer", images={"slstr": "/images/slstr.sif"})
    outcome = run(costing, "--dry-run")
    assert outcome.code == 1
    assert "names no image of skyline" in outcome.text
