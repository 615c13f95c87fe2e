"""The images that these tests look at: built once, by both ways, and taken away at the end.

Without root or the engines the tests are skipped, and say why; where TRIGPOINT_REQUIRE_CONTAINERS
is set, as in continuous integration, that is a failure."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_checkout import Bare
from cluster_session import Cluster, require_cluster
from image_builds import Workplace, require_engines
from slurm_cluster import SlurmCluster


@pytest.fixture(scope="session")
def workplace() -> Iterator[Workplace]:
    """A clone without changes, and a Debian tree to build on."""
    require_engines()
    with tempfile.TemporaryDirectory(prefix="trigpoint-images-") as folder:
        # An ordinary user runs the images too.
        Path(folder).chmod(0o755)
        made = Workplace(Path(folder))
        made.clone()
        made.bootstrap()
        try:
            yield made
        finally:
            made.clear()


@pytest.fixture(scope="session")
def skyline(workplace) -> Path:
    """Skyline's image, from a definition."""
    return workplace.build("skyline", "skyline.sif")


@pytest.fixture(scope="session")
def skyline_archive(workplace) -> Path:
    """Skyline's image, from a Dockerfile, as an OCI archive."""
    return workplace.build("skyline", "skyline.oci", "--format", "oci", "--engine", "buildah")


@pytest.fixture(scope="session")
def slstr(workplace, skyline_archive) -> Path:
    """Slstr's image, from a Dockerfile and its archive; it shares the layers of skyline's."""
    return workplace.build("slstr", "slstr.sif", "--engine", "buildah")


@pytest.fixture(scope="session")
def sandbox(workplace, skyline) -> Path:
    """Skyline's image as a folder, for tests to break and mend."""
    return workplace.unpack(skyline, "sandbox")


@pytest.fixture(scope="session")
def cluster(workplace) -> Iterator[Cluster]:
    """A Slurm of two nodes, which runs the checks of the clone."""
    require_cluster()
    with tempfile.TemporaryDirectory(prefix="trigpoint-cluster-") as folder:
        # Slurm's servers refuse a folder that only its owner may enter.
        Path(folder).chmod(0o755)
        bare = Bare(workplace.checkout, Path(folder) / "home")
        bare.home.mkdir()
        slurm = SlurmCluster.at(Path(folder) / "slurm", 16950, nodes=2, accounting=True)
        slurm.start()
        try:
            yield Cluster(slurm, bare)
        finally:
            slurm.stop()
