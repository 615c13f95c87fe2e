"""The checks in real images: on this machine, and through Slurm on two nodes; and what goes wrong
there is red."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bare_checkout import Finished, read_perflog
from cluster_session import Cluster

NATIVE, IN_IMAGES = "slurm_box", "slurm_box_images"
TRAIN = ("-n", "SkylineTrain", "-P", "preset=tiny", "-P", "pipeline=packed", "-P", "cpu_nodes=1")
EVERY_WORKLOAD = (
    *("-n", "^(SkylineTrain|SkylineEvaluate|Slstr.*|AllReduce)%"),
    *("-P", "preset=tiny", "-P", "pipeline=packed"),
)
LEARNT = ("SkylineTrain", "SkylineEvaluate", "SlstrTrain", "SlstrInference")
#: Of a run on one device these depend on no clock: they are equal to the last digit.
EXACT = ("loss", "accuracy", "precision", "recall", "f1")
SECONDS = 600


@dataclass(frozen=True)
class Session:
    """A session that ended, and the lines of its cases in the history: by check and number of
    nodes, and then by metric."""

    finished: Finished
    cases: dict[tuple[str, str], dict[str, dict[str, str]]]


@pytest.fixture(scope="module")
def images(skyline: Path, slstr: Path) -> Path:
    """The folder of all images."""
    assert skyline.parent == slstr.parent
    return skyline.parent


@pytest.fixture(scope="module")
def in_images(cluster: Cluster, images: Path) -> Session:
    """Every workload, on one node and on two."""
    session = run(cluster, IN_IMAGES, images, *EVERY_WORKLOAD, "-P", "cpu_nodes=1,2")
    assert session.finished.code == 0, session.finished.text
    return session


def run(cluster: Cluster, system: str, images: Path, *options: str, **variables: str) -> Session:
    """A session on the partition `cpu` of a system."""
    folder = cluster.folder / "perflogs"
    # The lines of an earlier session are not this one's.
    shutil.rmtree(folder / system, ignore_errors=True)
    finished = cluster.reframe(
        *options,
        system=f"{system}:cpu",
        timeout=SECONDS,
        TRIGPOINT_IMAGES=str(images),
        **variables,
    )
    cases: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for log in (folder / system / "cpu").glob("*.log"):
        for line in read_perflog(folder, log.stem, f"{system}/cpu"):
            cases.setdefault((log.stem, line["cpu_nodes"]), {})[line["perf_var"]] = line
    return Session(finished, cases)


def exact(case: dict[str, dict[str, str]]) -> dict[str, str]:
    """The figures of a case that depend on no clock."""
    found = {name: line["perf_value"] for name, line in case.items() if name.endswith(EXACT)}
    assert found
    return found


def test_every_workload_runs_in_its_image_through_slurm_on_one_node_and_on_two(
    in_images: Session,
) -> None:
    for check in (*LEARNT, "AllReduce"):
        for nodes in ("1", "2"):
            lines = in_images.cases[check, nodes].values()
            assert {len(line["nodes"].split(",")) for line in lines} == {int(nodes)}


def test_every_record_names_the_image_its_digest_and_its_commit(
    in_images: Session, workplace: Any
) -> None:
    commit = workplace.git("rev-parse", "HEAD")
    for (check, _), lines in in_images.cases.items():
        name = "slstr.sif" if check.startswith("Slstr") else "skyline.sif"
        for line in lines.values():
            assert Path(line["image"]).name == name
            assert line["image_digest"] == workplace.manifest(name)["image_digest"]
            assert line["image_commit"] == line["suite_commit"] == commit
            assert line["container"] in ("apptainer", "null")


def test_one_device_computes_in_an_image_what_it_does_natively_to_the_last_digit(
    cluster: Cluster, in_images: Session, images: Path
) -> None:
    native = run(cluster, NATIVE, images, *EVERY_WORKLOAD, "-P", "cpu_nodes=1")
    assert native.finished.code == 0, native.finished.text
    for check in LEARNT:
        without = native.cases[check, "1"]
        assert exact(in_images.cases[check, "1"]) == exact(without)
        assert {line["image_digest"] for line in without.values()} == {""}


def test_skyline_s_smoke_size_runs_in_its_image_on_this_machine(
    cluster: Cluster, images: Path, workplace: Any
) -> None:
    finished = cluster.reframe(
        *("-n", "SkylineTrain", "-P", "preset=smoke", "-P", "pipeline=packed"),
        system="apptainer_box",
        timeout=SECONDS,
        TRIGPOINT_IMAGES=str(images),
    )
    assert finished.code == 0, finished.text
    lines = read_perflog(cluster.folder / "perflogs", "SkylineTrain", "apptainer_box/here")
    [accuracy] = [line for line in lines if line["perf_var"] == "validation_accuracy"]
    assert accuracy["image_digest"] == workplace.manifest("skyline.sif")["image_digest"]
    assert float(accuracy["perf_value"]) > 0.9


def failure(session: Session) -> tuple[str, str]:
    """Whose failure the only case is, as the history has it, and what was said."""
    assert session.finished.code == 1, session.finished.text
    [line] = session.cases["SkylineTrain", "1"].values()
    return line["failure_class"], session.finished.text


def test_a_missing_image_is_red_and_the_command_that_builds_it_is_said(
    cluster: Cluster, tmp_path: Path
) -> None:
    kind, reason = failure(run(cluster, IN_IMAGES, tmp_path, *TRAIN))
    assert kind == "input"
    assert f"containers build skyline --output {tmp_path}/skyline.sif" in reason


def test_an_image_without_the_workload_is_red(
    cluster: Cluster, images: Path, workplace: Any
) -> None:
    wrong = workplace.folder / "wrong"
    wrong.mkdir()
    # A system without anything of the suite.
    (wrong / "skyline.sif").symlink_to(workplace.base)
    kind, reason = failure(run(cluster, IN_IMAGES, wrong, *TRAIN))
    assert kind == "input"
    assert "did not start skyline" in reason


def test_an_image_of_another_commit_is_red_unless_told(
    cluster: Cluster, images: Path, workplace: Any
) -> None:
    workplace.commit("another")
    try:
        refused = failure(run(cluster, IN_IMAGES, images, *TRAIN))
        told = run(cluster, IN_IMAGES, images, *TRAIN, "-S", "any_image_commit=1")
    finally:
        workplace.git("reset", "--quiet", "--hard", "HEAD~1")
    assert refused[0] == "input"
    assert "build it again" in refused[1]
    assert told.finished.code == 0, told.finished.text


def test_a_path_that_cannot_be_bound_is_red_and_named(cluster: Cluster, images: Path) -> None:
    options = (*TRAIN, "-S", "data=/no/such/folder")
    kind, reason = failure(run(cluster, IN_IMAGES, images, *options))
    assert kind == "input"
    assert "/no/such/folder" in reason


def test_no_room_for_a_sandbox_is_red_and_says_so(cluster: Cluster, images: Path) -> None:
    # The scratch of a node holds 64 MB; what cannot be mounted is unpacked.
    small = {"APPTAINER_UNSQUASH": "1", "APPTAINER_TMPDIR": str(cluster.slurm.scratch)}
    _, reason = failure(run(cluster, IN_IMAGES, images, *TRAIN, **small))
    assert "no space left on device" in reason.lower()
    assert not any(cluster.left_on_scratch(node) for node in cluster.nodes)


def test_a_node_without_the_runtime_is_red_and_named(cluster: Cluster, images: Path) -> None:
    program = "/usr/bin/apptainer"
    for node in cluster.nodes:
        cluster.slurm.on_node(node, "mount", "--bind", "/dev/null", program)
    try:
        kind, reason = failure(run(cluster, IN_IMAGES, images, *TRAIN))
    finally:
        for node in cluster.nodes:
            cluster.slurm.on_node(node, "umount", program)
    assert kind == "input"
    assert "Apptainer is not installed on node" in reason


def test_nothing_runs_or_is_mounted_after_all_that(cluster: Cluster, workplace: Any) -> None:
    assert cluster.is_clean()
    own = (str(workplace.folder / "storage"), str(cluster.prefix))
    assert [place for place in workplace.mounts() if not place.startswith(own)] == []
    images = json.loads(
        subprocess.run(
            ["apptainer", "instance", "list", "--json"], capture_output=True, check=True
        ).stdout
    )
    assert images["instances"] == []
