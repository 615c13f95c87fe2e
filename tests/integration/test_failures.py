"""Whatever goes wrong on a cluster, the session ends within two minutes, its failure names the real
cause, nothing is left behind, and the next run works."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator

import pytest
from cluster_session import TRAIN, Cluster, assert_red
from slurm_cluster import wait_until

from workloads.common.group.process_group import process_group

TWO_NODES = (*TRAIN, "-P", "cpu_nodes=2")


@pytest.fixture(autouse=True)
def works_afterwards(cluster: Cluster) -> Iterator[None]:
    """After each failure nothing is left, and a run right after it works."""
    yield
    wait_until(cluster.is_clean, "the cluster is as it was before")
    finished = cluster.reframe(*TWO_NODES)
    assert finished.code == 0, finished.text


def test_a_job_over_its_time_limit(cluster: Cluster) -> None:
    with cluster.hanging("-S", "time_limit=30s") as running:
        assert_red(running.finish(), "scheduler: ", "the time limit was hit")


def test_a_job_that_is_cancelled(cluster: Cluster) -> None:
    with cluster.hanging() as running:
        cluster.slurm.command("scancel", cluster.job())
        assert_red(running.finish(), "scheduler: ", "the job was cancelled")


@pytest.mark.parametrize("partition", ["cpu", "cpu_squeue"])
def test_a_job_that_never_starts(cluster: Cluster, partition: str) -> None:
    waiting = ("-J", "begin=now+1hour", "-S", "max_pending_time=5s")
    finished = cluster.reframe(*TWO_NODES, *waiting, system=f"slurm_box:{partition}")
    causes = ("not scheduled: the job never started: ReFrame cancelled", "max_pending_time")
    assert_red(finished, *causes)


@pytest.mark.parametrize("partition", ["cpu", "cpu_squeue"])
def test_a_job_that_is_preempted(cluster: Cluster, partition: str) -> None:
    with cluster.hanging("--system", f"slurm_box:{partition}") as running:
        urgent = ["--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null"]
        cluster.slurm.command("sbatch", *urgent, "--wrap=true")
        assert_red(running.finish(), "scheduler: ", "the job was preempted")


def test_a_node_that_is_lost(cluster: Cluster) -> None:
    try:
        with cluster.hanging() as running:
            cluster.slurm.lose_node("node2")
            assert_red(running.finish(), "scheduler: ", "a node was lost", "node2")
    finally:
        cluster.slurm.start_node("node2")


def test_a_rank_that_is_killed(cluster: Cluster) -> None:
    with cluster.hanging() as running:
        [second] = cluster.ranks(SLURM_PROCID=1)
        os.kill(second, signal.SIGKILL)
        assert_red(running.finish(), "a rank was killed", "node2: task 1: Killed")


def test_a_job_that_is_out_of_memory(cluster: Cluster) -> None:
    finished = cluster.reframe(*TWO_NODES, "-J", "mem=300M")
    assert_red(finished, "scheduler: ", "the job ran out of memory")


def test_a_gpu_that_the_node_does_not_have(cluster: Cluster) -> None:
    finished = cluster.reframe(*TRAIN, "-P", "num_gpus=4", system="slurm_box_broken")
    assert_red(finished, "input: ", "4 GPUs were asked for", "sees 0")


def test_data_that_one_of_the_nodes_does_not_see(cluster: Cluster) -> None:
    data = cluster.prefix / "data"
    cluster.run("cp", "-r", *(cluster.prefix / "cache").glob("skyline/tiny-1-*/packed-1"), data)
    cluster.slurm.on_node("node2", "mount", "-t", "tmpfs", "empty", str(data))
    finished = cluster.reframe(*TWO_NODES, "-S", f"data={data}")
    cluster.slurm.on_node("node2", "umount", str(data))
    assert_red(finished, "input: ", "rank 1 on node2", str(data))


def test_a_scratch_that_is_full(cluster: Cluster) -> None:
    filling = str(cluster.slurm.scratch / "filling")
    cluster.slurm.on_node("node2", "fallocate", "--length=63M", filling)
    finished = cluster.reframe(*TWO_NODES, "-S", "stage_to_scratch=1")
    assert cluster.left_on_scratch("node2") == ["filling"]
    cluster.slurm.on_node("node2", "rm", filling)
    assert_red(finished, "input: ", "rank 1 on node2", str(cluster.slurm.scratch))


def test_ports_of_the_group_that_are_taken(cluster: Cluster) -> None:
    with _taken(_ports_of_the_next_jobs(cluster)):
        finished = cluster.reframe(*TWO_NODES)

    assert_red(finished, "input: ", "port", "taken")


def _ports_of_the_next_jobs(cluster: Cluster) -> list[int]:
    """The ports of the second rank in each of the next jobs."""
    lines = cluster.slurm.command("scontrol", "show", "config").splitlines()
    [following] = [int(line.split("=")[1]) for line in lines if line.startswith("NEXT_JOB_ID")]
    ports = []
    for job in range(following, following + 5):
        step = {
            "SLURM_JOB_ID": str(job),
            "SLURM_STEP_ID": "0",
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_STEP_NODELIST": "node[1-2]",
            "SLURM_STEP_TASKS_PER_NODE": "1(x2)",
            "SLURM_PROCID": "1",
        }
        ports.append(int(process_group(step).addresses[1].rsplit(":", 1)[1]))

    return ports


@contextlib.contextmanager
def _taken(ports: list[int]) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for port in ports:
            listener = stack.enter_context(socket.socket())
            listener.bind(("0.0.0.0", port))
            listener.listen()

        yield
