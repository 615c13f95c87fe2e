"""What a cluster cannot run is refused before there is a job, and the reason is said."""

from cluster_session import TRAIN, Cluster, assert_red
from fake_systems import configuration, partition, system


def test_a_partition_that_slurm_does_not_have(cluster: Cluster) -> None:
    finished = cluster.reframe(*TRAIN, "-P", "cpu_nodes=2", "-J", "partition=nosuch")
    assert finished.code == 1, finished.text
    assert "invalid partition specified: nosuch" in finished.text


def test_more_nodes_than_slurm_has(cluster: Cluster) -> None:
    promise = partition("cpu", nodes=8, scheduler="slurm", access=["-p gpu", "--mem=3000"])
    (cluster.folder / "too_large.py").write_text(configuration(system("too_large", promise)))
    options = ("-C", "too_large.py", *TRAIN, "-P", "cpu_nodes=8")
    finished = cluster.reframe(*options, system="too_large")
    assert_red(finished, "sbatch", "Requested node configuration is not available")


def test_more_nodes_than_the_site_file_says(cluster: Cluster) -> None:
    finished = cluster.reframe(*TRAIN, "-P", "cpu_nodes=8")
    assert finished.code == 1, finished.text
    assert "no partition holds num_gpus=0 cpu_nodes=8" in finished.text
