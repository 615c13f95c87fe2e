"""The suite runs on a real Slurm: over one, two and four nodes, and through Torque's commands."""

import math
import sys

import pytest
from bare_checkout import read_perflog
from cluster_session import TRAIN, Cluster, Rows

from checks.base.records import parse


def test_one_two_and_four_nodes_train_as_one(trained: dict[int, Rows]) -> None:
    assert sorted(trained) == [1, 2, 4]
    losses = {nodes: float(rows["loss_step100"]["perf_value"]) for nodes, rows in trained.items()}
    for nodes in (2, 4):
        assert math.isclose(losses[nodes], losses[1], rel_tol=1e-4), losses


@pytest.mark.parametrize("nodes", [1, 2, 4])
def test_a_record_says_what_it_was_measured_on(trained: dict[int, Rows], nodes: int) -> None:
    for row in trained[nodes].values():
        assert (row["system"], row["partition"]) == ("slurm_box", "cpu")
        assert row["gpus_used"] == "0"
        assert row["processes"] == row["replicas"] == str(nodes)
        assert row["nodes"].count("node") == nodes
        assert row["result"] == "pass"


def test_a_training_goes_through_torque_s_commands(cluster: Cluster) -> None:
    finished = cluster.reframe(*TRAIN, system="slurm_box:torque")
    assert finished.code == 0, finished.text
    [(nodes, rows)] = cluster.trainings("slurm_box/torque").items()
    assert nodes == 1
    assert rows["throughput"]["result"] == "pass"
    assert rows["throughput"]["nodes"].count("node") == 1


def test_several_processes_on_each_node_train_as_one(
    cluster: Cluster, trained: dict[int, Rows]
) -> None:
    # As with one process for each GPU; each computes on the processor here.
    output = cluster.prefix / "two-each"
    launch = ("srun", "--nodes=2", "--ntasks-per-node=2", "--mem=3000", "--distribution=block")
    stage = ("-m", "workloads.skyline", "train", "--preset", "tiny", "--gpus", "0")
    fabric = {"TRIGPOINT_FABRIC_INTERFACE": "lo", "PYTHONPATH": str(cluster.folder)}
    finished = cluster.run(*launch, sys.executable, *stage, "--output", output, **fabric)
    assert finished.code == 0, finished.text
    records = parse((output / "train.records.log").read_text())
    assert records.provenance["processes"] == records.provenance["replicas"] == 4
    assert len(records.provenance["nodes"]) == 2
    expected = float(trained[1]["loss_step100"]["perf_value"])
    assert math.isclose(records.metrics["loss_step100"].value, expected, rel_tol=1e-4)


def test_cloud_masks_are_trained_and_computed_over_one_and_two_nodes(cluster: Cluster) -> None:
    options = ("-n", "^Slstr", "-P", "preset=tiny", "-P", "cpu_nodes=1,2")
    finished = cluster.reframe(*options, timeout=600)
    assert finished.code == 0, finished.text
    for check, metric in (("SlstrTrain", "test_accuracy"), ("SlstrInference", "bayes_accuracy")):
        rows = read_perflog(cluster.folder / "perflogs", check, "slurm_box/cpu")
        found = {int(row["cpu_nodes"]): row for row in rows if row["perf_var"] == metric}
        assert sorted(found) == [1, 2], check
        for nodes, row in found.items():
            assert row["processes"] == row["replicas"] == str(nodes)
            assert row["nodes"].count("node") == nodes
