"""The images that these tests look at: built once, by both ways, and taken away at the end.

Without root or the engines the tests are skipped, and say why; where TRIGPOINT_REQUIRE_CONTAINERS
is set, as in continuous integration, that is a failure."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from bare_checkout import Bare
from cluster_session import Cluster, require_cluster
from image_builds import Workplace, require_engines
from slurm_cluster import SlurmCluster


@dataclass(frozen=True)
class Built:
    """The images, once built."""

    skyline: Path
    skyline_archive: Path
    slstr: Path


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
def built(workplace) -> Built:
    """All images, the two ways side by side: most of a build is one process that unpacks."""
    with ThreadPoolExecutor() as ways:
        definition = ways.submit(workplace.build, "skyline", "skyline.sif")
        dockerfile = ways.submit(build_by_buildah, workplace)
        return Built(definition.result(), *dockerfile.result())


def build_by_buildah(workplace) -> tuple[Path, Path]:
    """Skyline's archive, and slstr's image, which shares its layers."""
    engine = ("--engine", "buildah")
    archive = workplace.build("skyline", "skyline.oci", "--format", "oci", *engine)
    return archive, workplace.build("slstr", "slstr.sif", *engine)


@pytest.fixture(scope="session")
def skyline(built) -> Path:
    """Skyline's image, from a definition."""
    return built.skyline


@pytest.fixture(scope="session")
def skyline_archive(built) -> Path:
    """Skyline's image, from a Dockerfile, as an OCI archive."""
    return built.skyline_archive


@pytest.fixture(scope="session")
def slstr(built) -> Path:
    """Slstr's image, from a Dockerfile and its archive."""
    return built.slstr


@pytest.fixture(scope="session")
def sandbox(workplace, skyline) -> Path:
    """Skyline's image as a folder, for tests to break and mend."""
    folder = workplace.folder / "sandbox"
    unpacked = workplace.run("apptainer", "build", "--sandbox", folder, skyline)
    assert unpacked.code == 0, unpacked.err
    return folder


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
