"""The cluster that these tests run on: started once, stopped whatever happens.

Without root or the packages they are skipped, and say why; where TRIGPOINT_REQUIRE_CLUSTER is set,
as in continuous integration, that is a failure."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_checkout import Bare, copy_checkout
from cluster_session import TRAIN, Cluster, Rows, require_cluster
from slurm_cluster import SlurmCluster


def _started(base_port: int, nodes: int, accounting: bool) -> Iterator[Cluster]:
    require_cluster()
    with tempfile.TemporaryDirectory(prefix="trigpoint-cluster-") as folder:
        # Slurm's servers refuse a folder that only its owner may enter.
        Path(folder).chmod(0o755)
        prefix = Path(folder) / "slurm"
        bare = Bare(Path(folder) / "checkout", Path(folder) / "home")
        bare.home.mkdir()
        copy_checkout(bare.folder)
        slurm = SlurmCluster.at(prefix, base_port, nodes, accounting)
        slurm.start()
        try:
            yield Cluster(slurm, bare)
        finally:
            slurm.stop()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Four nodes with accounts, and a bare checkout that all of them see."""
    yield from _started(16800, nodes=4, accounting=True)


@pytest.fixture(scope="session")
def plain_cluster() -> Iterator[Cluster]:
    """One node without accounts, whose controller may be stopped."""
    yield from _started(16900, nodes=1, accounting=False)


@pytest.fixture(scope="session")
def trained(cluster: Cluster) -> dict[int, Rows]:
    """One session of trainings over one, two and four nodes, by nodes and metric."""
    finished = cluster.reframe(*TRAIN, timeout=600)
    assert finished.code == 0, finished.text
    return cluster.trainings()
