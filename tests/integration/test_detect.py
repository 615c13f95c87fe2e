"""`python -m systems detect` on a real Slurm: its file works unchanged, and says what it knows."""

import ast
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from bare_checkout import REFRAME, Finished
from cluster_session import SECONDS, TRAIN, Cluster
from slurm_cluster import wait_until
from stand_in_apptainer import path_with_apptainer

DETECT = (sys.executable, "-m", "systems", "detect", "--name", "found")
QUICK = ("--probe-minutes", "0.05")


def detect(cluster: Cluster, name: str, *options: str, **variables: str) -> tuple[Path, Finished]:
    """The file that is written, and what the command said."""
    path = cluster.folder / name
    path.unlink(missing_ok=True)
    return path, cluster.run(*DETECT, "--output", path, *options, **variables)


def declared(path: Path) -> list[dict[str, Any]]:
    """The partitions in a file, whose only expression that is no literal is the account's."""
    tree = ast.parse(path.read_text())
    [assigned] = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "site_configuration"
    ]
    written = ast.unparse(assigned).replace(", *ACCOUNT", "")
    return list(ast.literal_eval(written)["systems"][0]["partitions"])


def test_the_file_works_unchanged_with_accounts_and_over_several_nodes(cluster: Cluster) -> None:
    # Where a node has a runtime but there are no images, cases run natively.
    path, finished = detect(cluster, "found.py", PATH=path_with_apptainer(cluster))
    assert finished.code == 0, finished.text
    assert "has answered" in finished.text
    assert "Container runtimes on the node: apptainer 1.4.5" in path.read_text()
    partition = declared(path)[0]
    assert "container_platforms" not in partition
    assert partition["scheduler"] == "slurm"
    assert partition["extras"]["num_nodes"] == len(cluster.nodes)
    # The host's own pattern selects the system: its name is not given.
    suite = (REFRAME, "--nocolor", "-C", path, "-c", "checks", "-r", *TRAIN)
    ran = cluster.run(*suite, "-P", "cpu_nodes=2", timeout=240)
    assert ran.code == 0, ran.text
    assert {case["system"] for case in cluster.cases("SkylineTrain")} == {"found"}


def test_the_file_of_a_cluster_without_accounts_goes_through_squeue(plain_cluster: Cluster) -> None:
    path, finished = detect(plain_cluster, "found.py")
    assert finished.code == 0, finished.text
    assert declared(path)[0]["scheduler"] == "squeue"
    # Not on `urgent` at the same time: on a cluster of one node that preempts the jobs of `gpu`.
    suite = (
        REFRAME,
        "--nocolor",
        "-C",
        path,
        "--system",
        "found:gpu",
        "-c",
        "checks",
        "-r",
        *TRAIN,
    )
    ran = plain_cluster.run(*suite, timeout=240)
    assert ran.code == 0, ran.text


def test_images_that_a_node_sees_are_declared_with_the_platform_that_starts_them(
    cluster: Cluster,
) -> None:
    image = cluster.folder / "skyline.sif"
    image.write_bytes(b"image")
    variables = {"PATH": path_with_apptainer(cluster), "TRIGPOINT_IMAGES": str(cluster.folder)}
    path, finished = detect(cluster, "found.py", **variables)
    image.unlink()
    assert finished.code == 0, finished.text
    partition = declared(path)[0]
    assert partition["container_platforms"][0] == {"type": "Apptainer"}
    assert partition["extras"]["images"] == {"skyline": str(image)}


def test_gpus_that_slurm_promises_and_no_node_has_are_no_devices(cluster: Cluster) -> None:
    path, finished = detect(cluster, "found.py")
    assert finished.code == 0, finished.text
    assert not any("devices" in each for each in declared(path))
    words = " ".join(path.read_text().replace("#", " ").split())
    assert "promises 4 GPUs" in words
    assert "there is none" in words
    assert re.search(r"promised 4 GPUs, found 0 on node node\d: written as one", finished.text)


def test_an_account_of_two_lines_is_refused_before_a_job_is_submitted(cluster: Cluster) -> None:
    injected = cluster.prefix / "injected"
    path, finished = detect(cluster, "found.py", TRIGPOINT_ACCOUNT=f"proj\ntouch {injected}")
    assert finished.code == 2, finished.text
    assert "error: TRIGPOINT_ACCOUNT holds no name" in finished.text
    assert "submitted" not in finished.text
    assert not path.exists()
    assert not injected.exists()


def test_through_torque_s_commands_the_file_is_one_for_torque(cluster: Cluster) -> None:
    path, finished = detect(cluster, "found.py", "--scheduler", "pbs")
    assert finished.code == 0, finished.text
    partition = declared(path)[0]
    assert partition["scheduler"] == "torque"
    assert partition["access"][0].startswith("-q ")


def test_a_partition_whose_nodes_take_no_job_is_written_from_slurm_s_word(cluster: Cluster) -> None:
    nodes = f"nodename={','.join(cluster.nodes)}"
    cluster.slurm.command("scontrol", "update", nodes, "state=drain", "reason=test")
    try:
        path, finished = detect(cluster, "found.py", *QUICK)
    finally:
        cluster.slurm.command("scontrol", "update", nodes, "state=resume")

    assert finished.code == 0, finished.text
    assert "gave no answer in 0.05 minutes" in finished.text
    words = " ".join(path.read_text().replace("#", " ").split())
    assert "No node was looked at" in words
    assert "the scheduler's word alone" in words
    assert "Out of service when this was written" in words
    wait_until(lambda: not cluster.slurm.command("squeue", "-h"), "the probing job is cancelled")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_cancels_the_probing_jobs_and_leaves_no_file(
    cluster: Cluster, how: signal.Signals
) -> None:
    nodes = f"nodename={','.join(cluster.nodes)}"
    cluster.slurm.command("scontrol", "update", nodes, "state=drain", "reason=test")
    path = cluster.folder / "found.py"
    path.unlink(missing_ok=True)
    try:
        with cluster.started(*DETECT, "--output", path) as running:
            pending = ("squeue", "-h", "-t", "pending", "-o", "%i")
            wait_until(
                lambda: bool(cluster.slurm.command(*pending)) or running.has_ended(),
                "a job is pending",
                SECONDS,
            )
            os.kill(running.process.pid, how)
            finished = running.finish()
    finally:
        cluster.slurm.command("scontrol", "update", nodes, "state=resume")

    assert finished.code == 130, finished.text
    assert "error: interrupted" in finished.text
    assert "could not be cancelled" not in finished.text
    wait_until(lambda: not cluster.slurm.command("squeue", "-h"), "the probing jobs are gone")
    assert not path.exists()
    assert not list((cluster.folder / "stage").rglob("probing-*"))


def test_what_cannot_be_used_is_one_line_and_exit_code_2(cluster: Cluster) -> None:
    path = cluster.folder / "mine.py"
    path.write_text("mine = True\n")
    for options, variables, words in (
        (("--output", path), {}, "--force"),
        (("--output", cluster.folder / "no/such/folder.py"), {}, "cannot be written"),
        (("--output", path, "--force"), {"PATH": "/no/such/folder"}, "no batch scheduler"),
        (("--output", path, "--force", "--name", "a b"), {}, "cannot be a system's name"),
        (("--probe-minutes", "0"), {}, "not between 0"),
    ):
        finished = cluster.run(*DETECT, *options, **variables)
        assert finished.code == 2, finished.text
        [line] = [each for each in finished.text.splitlines() if each]
        assert line.startswith("error: ")
        assert words in line
    assert path.read_text() == "mine = True\n"
