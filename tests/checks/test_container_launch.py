"""Where a partition has a container platform, stages run in their image: with the same arguments,
the folders that they need, their GPUs, and nothing of the host's Python."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import ROOT, Checkout
from fake_runtimes import (
    COMMIT,
    IMAGE_PYTHON,
    PROGRAMS,
    calls,
    path_with,
    place_image,
    place_runtimes,
)
from fake_systems import configuration, local_partition, system

from checks.base import container_environment, images
from checks.base.container_launch import IMAGE_PYTHON as COMMAND
from checks.base.container_platforms import PLATFORMS
from containers import bases
from containers.recipes import places

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
REFERENCE = f"registry.example:5000/suite/fake@{DIGEST}"
SETTINGS = {"RFM_CONFIG_PATH": "systems"}
GPU_FLAGS = {
    "apptainer": ["--nv"],
    "singularity": ["--nv"],
    "docker": ["--gpus", "all"],
    "podman": ["--device", "nvidia.com/gpu=all"],
}


def place_site(checkout: Checkout, *partitions: dict[str, Any], **variables: str) -> dict[str, str]:
    """Lets a checkout have these partitions in its system `box`, and returns the environment in
    which ReFrame finds them and the programs that were placed."""
    checkout.write("systems/box.py", configuration(system("box", *partitions)))
    path = {"PATH": path_with(checkout), "RFM_SYSTEM": "box", "TRIGPOINT_COMMIT": COMMIT}
    return {**SETTINGS, **path, **variables}


def part(platform: str, image: object, **extras: object) -> dict[str, Any]:
    """A local partition of this name, which has the platform and an image for it."""
    made = local_partition(platform)
    launcher = "srun" if platform == "pyxis" else "local"
    declared = [{"type": PLATFORMS[platform].name}]
    images = {"images": {"fake": str(image)}}
    return {
        **made,
        "launcher": launcher,
        "container_platforms": declared,
        "extras": {**images, **extras},
    }


def test_every_platform_runs_the_same_stage_and_the_records_name_the_image(
    checkout: Checkout,
) -> None:
    inside = {"name": "fake", "suite_commit": COMMIT}
    addresses = [each.address(REFERENCE) for each in PLATFORMS.values()]
    place_runtimes(checkout, *PROGRAMS, references=dict.fromkeys(addresses, inside))
    names = ("cache", "data", "scratch")
    folders = {name: checkout.home / name for name in names}
    for folder in folders.values():
        folder.mkdir()

    extras = {"storage": {"ssd": str(folders["cache"])}, "scratch": str(folders["scratch"])}
    gpu = {"devices": [{"type": "gpu", "num_devices": 1}]}
    made = [{**part(platform, REFERENCE, **extras), **gpu} for platform in PLATFORMS]
    variables = place_site(checkout, *made, FAKE_SECRET="1")
    options = ("-r", "-P", "preset=tiny", "-S", f"data={folders['data']}", "-S", "seed=7")
    outcome = checkout.reframe(*options, **variables)
    assert outcome.code == 0, outcome.text
    called = calls(checkout)
    for platform, each in PLATFORMS.items():
        for row in checkout.perflog(place=f"box/{platform}"):
            assert (row["result"], row["container"]) == ("pass", platform)
            assert (row["image"], row["image_digest"]) == (REFERENCE, DIGEST)
            assert row["image_commit"] == row["suite_commit"] == COMMIT

        words = called[each.program]["words"]
        text = " ".join(words)
        stage = f"{IMAGE_PYTHON} -m workloads.fake train --preset tiny --seed 7 --data "
        assert text.endswith(f"{stage}{folders['data']} --cache {folders['cache']} --gpus 1")
        assert text.count(each.address(REFERENCE)) == 1
        for folder in (*folders.values(), checkout.folder / "stage"):
            assert str(folder) in text.split(IMAGE_PYTHON)[0]

        stagedir = checkout.folder / f"stage/box/{platform}/builtin"
        assert str(stagedir) in text
        flags = " ".join(GPU_FLAGS.get(platform, []))
        assert f" {flags}" in text
        assert called[each.program]["variables"]["TRIGPOINT_CACHE"] == str(folders["cache"])
        named = ("--env TRIGPOINT_CACHE" in text, "--user" in text, "FAKE_SECRET" in text)
        assert named == (not each.passes_variables, not each.passes_variables, False)

    assert called["srun"]["variables"]["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert f"--container-image=registry.example:5000#suite/fake:{DIGEST}" in called["srun"]["words"]


def test_one_session_holds_a_case_natively_and_in_its_image(checkout: Checkout) -> None:
    place_runtimes(checkout, "apptainer")
    image = place_image(checkout)
    variables = place_site(checkout, part("apptainer", image))
    foreign = {"PYTHONPATH": "/of/the/host", "PYTHONUSERBASE": "/of/the/user"}
    options = ("-r", "-P", "container=none,apptainer")
    outcome = checkout.reframe(*options, **variables, **foreign)
    assert outcome.code == 0, outcome.text
    rows = checkout.perflog(place="box/apptainer")
    assert {row["container"] for row in rows} == {"none", "apptainer"}
    for row in rows:
        is_inside = row["container"] == "apptainer"
        assert bool(row["image"]) == bool(row["image_digest"]) == bool(row["image_commit"])
        assert row["image"] == (str(image) if is_inside else "")

    scripts = {path.read_text() for path in checkout.folder.glob("output/**/rfm_job.sh")}
    [native] = [text for text in scripts if "apptainer" not in text]
    assert "export PYTHONPATH=" in native
    [inside] = scripts - {native}
    assert "PYTHONPATH=" not in inside
    call = calls(checkout)["apptainer"]
    assert not set(container_environment.OF_THE_HOST) & call["variables"].keys()
    assert call["variables"]["TRIGPOINT_CACHE"] == str(checkout.folder / ".cache")
    assert (checkout.folder / ".cache").is_dir()
    assert not {"--nv", "--rocm"} & {*call["words"]}


def test_an_image_sees_the_nodes_of_a_pbs_job(checkout: Checkout) -> None:
    place_runtimes(checkout, "apptainer")
    nodes = checkout.write("spool/nodes", "node1\nnode2\n")
    variables = place_site(checkout, part("apptainer", place_image(checkout)))
    outcome = checkout.reframe("-r", "--keep-stage-files", **variables, PBS_NODEFILE=str(nodes))
    assert outcome.code == 0, outcome.text
    seen = Path(calls(checkout)["apptainer"]["variables"]["PBS_NODEFILE"])
    assert seen.parent.is_relative_to(checkout.folder / "stage")
    assert seen.read_text() == "node1\nnode2\n"


MISSING = {
    "runtime": "Shifter is not installed on ",
    "scratch": "scratch, which is bound in the image, is not there on ",
    "platform": "container=docker: box:shifter declares shifter in container_platforms",
    "image": "box:shifter runs workloads in Shifter and names no image of fake: name it in",
    "reference": "Shifter runs no file: /images/fake.sif should be a reference such as registry.",
}


@pytest.mark.parametrize("missing", MISSING)
def test_what_is_missing_is_named_and_is_nobody_s_failure_but_the_input_s(
    checkout: Checkout, missing: str
) -> None:
    # A platform that no machine has on which these tests run.
    site = part("shifter", "/images/fake.sif" if missing == "reference" else REFERENCE)
    if missing != "runtime":
        place_runtimes(checkout, "shifter")

    if missing == "scratch":
        site["extras"]["scratch"] = str(checkout.home / "scratch")

    if missing == "image":
        site["extras"].pop("images")

    asked = ("-S", "container=docker") if missing == "platform" else ()
    outcome = checkout.reframe("-r", *asked, **place_site(checkout, site))
    assert outcome.code == 1
    row = checkout.perflog(place="box/shifter")[0]
    assert (row["failure_class"], MISSING[missing] in row["failure_reason"]) == ("input", True), row


def test_an_image_that_starts_nothing_is_the_input_s_failure_and_named(checkout: Checkout) -> None:
    place_runtimes(checkout, "apptainer")
    image = place_image(checkout, without="workloads.fake")
    outcome = checkout.reframe("-r", **place_site(checkout, part("apptainer", image)))
    assert outcome.code == 1
    for row in checkout.perflog(place="box/apptainer"):
        assert row["failure_class"] == "input"
        assert f"the image {image} did not start fake: exit code 1" in row["failure_reason"]
        assert "No module named workloads.fake" in row["failure_reason"]


@pytest.mark.parametrize("asked", ["", "none"])
def test_preparation_is_launched_as_the_check_is_that_waits_for_it(
    checkout: Checkout, asked: str
) -> None:
    checkout.write("checks/skyline.py", (ROOT / "checks/skyline.py").read_text())
    checkout.write("workloads/skyline/__main__.py", "")
    site = part("apptainer", "")
    site["extras"] = {"images": {"skyline": "/images/skyline.sif"}}
    names = ("--dry-run", "-n", "SkylineTrain", "-P", "pipeline=packed", "-P", "preset=tiny")
    options = ("-S", f"container={asked}") if asked else ()
    outcome = checkout.reframe(*names, *options, **place_site(checkout, site))
    assert outcome.code == 0, outcome.text
    scripts = [path.read_text() for path in checkout.folder.glob("stage/**/rfm_job.sh")]
    pattern = r"(?:(skyline\.sif) )?\S+ -m workloads\.skyline (\w+)"
    found = [re.findall(pattern, each) for each in scripts]
    image = "" if asked else "skyline.sif"
    assert sorted(found) == [[(image, stage)] for stage in ("pack", "synthesise", "train")]


def test_the_checks_and_the_recipes_mean_the_same_places_and_bases() -> None:
    assert COMMAND == places.PYTHON
    assert {"nvidia", "amd"} <= bases.NAMED.keys()
    assert images.REFERENCE.fullmatch(REFERENCE)


def test_every_variable_that_a_workload_reads_is_passed_by_name() -> None:
    read = set()
    for path in (ROOT / "workloads").rglob("*.py"):
        text = path.read_text()
        read |= set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"([A-Z]\w+)"', text))
        read |= set(re.findall(r'"([A-Z]\w+)" in environment', text))
        read |= set(re.findall(r'_VARIABLE = "(\w+)"', text))

    assert len(read) > 8
    known = {*container_environment.READ_BY_WORKLOADS, *container_environment.OF_THE_HOST}
    # What a workload sets for itself.
    assert read - known <= {"KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL"}
    assert shlex.join(known).isascii()
