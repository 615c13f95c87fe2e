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

NATIVE, IN_IMAGES, HERE = "slurm_box:cpu", "slurm_box_images:cpu", "apptainer_box:here"
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


def run(cluster: Cluster, place: str, images: Path, *options: str, **variables: str) -> Session:
    """A session on a partition of a system."""
    folder, lines = cluster.folder / "perflogs", place.replace(":", "/")
    # The lines of an earlier session are not this one's.
    shutil.rmtree(folder / lines, ignore_errors=True)
    finished = cluster.reframe(
        *options,
        system=place,
        timeout=SECONDS,
        TRIGPOINT_IMAGES=str(images),
        **variables,
    )
    cases: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    for log in (folder / lines).glob("*.log"):
        for line in read_perflog(folder, log.stem, lines):
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
    # Of one process there is nothing to reduce.
    for case in (("AllReduce", "2"), *((check, nodes) for check in LEARNT for nodes in "12")):
        lines = in_images.cases[case].values()
        assert {len(line["nodes"].split(",")) for line in lines} == {int(case[1])}


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
    options = ("-n", "SkylineTrain", "-P", "preset=smoke", "-P", "pipeline=packed")
    session = run(cluster, HERE, images, *options)
    assert session.finished.code == 0, session.finished.text
    lines = session.cases["SkylineTrain", "1"]
    digest = workplace.manifest("skyline.sif")["image_digest"]
    assert {line["image_digest"] for line in lines.values()} == {digest}
    assert float(lines["validation_accuracy"]["perf_value"]) > 0.9


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


def test_a_node_without_the_runtime_is_red_and_named(
    cluster: Cluster, images: Path, tmp_path: Path
) -> None:
    """Every program is on PATH but one."""
    for folder in reversed(cluster.environment()["PATH"].split(":")):
        for program in Path(folder).glob("*"):
            (tmp_path / program.name).unlink(missing_ok=True)
            (tmp_path / program.name).symlink_to(program)
    (tmp_path / "apptainer").unlink()
    kind, reason = failure(run(cluster, IN_IMAGES, images, *TRAIN, PATH=str(tmp_path)))
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
