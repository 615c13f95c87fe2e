"""A scheduler that cannot be asked, or keeps no accounts, is named as the cause."""

import signal

from cluster_session import TRAIN, Cluster


def test_a_scheduler_that_cannot_be_reached(plain_cluster: Cluster) -> None:
    plain_cluster.slurm.stop_server("slurmctld", signal.SIGKILL)
    finished = plain_cluster.reframe(*TRAIN, "-P", "cpu_nodes=1", system="slurm_box:cpu_squeue")
    plain_cluster.slurm.start_controller()
    assert finished.code == 1, finished.text
    assert "Unable to contact slurm controller" in finished.text


def test_a_scheduler_without_accounts(plain_cluster: Cluster) -> None:
    finished = plain_cluster.reframe(*TRAIN, "-P", "cpu_nodes=1", system="slurm_box:cpu")
    assert finished.code == 1, finished.text
    assert "accounting storage is disabled" in finished.text


def test_a_cluster_without_accounts_works_through_squeue(plain_cluster: Cluster) -> None:
    finished = plain_cluster.reframe(*TRAIN, "-P", "cpu_nodes=1", system="slurm_box:cpu_squeue")
    assert finished.code == 0, finished.text
