"""The lowest block: a base, with Python where the base has none."""

import hpccm
from hpccm.building_blocks import packages
from hpccm.primitives import baseimage

from containers.bases import Base, Framework, Kind

BUILD_STAGE = "build"
FINAL_STAGE = "final"
_BOOTSTRAP = {
    Kind.REGISTRY: "docker",
    Kind.FOLDER: "localimage",
    Kind.SIF: "localimage",
    Kind.ARCHIVE: "oci-archive",
}


def imported_name(base: Base) -> str:
    """What a local base is called once it is imported for Dockerfiles, which take no paths."""
    return f"localhost/trigpoint-base:{base.digest.removeprefix('sha256:')[:12]}"


def start(base: Base, stage: str, *, definition: bool) -> hpccm.Stage:
    """A stage that starts from the base, and knows it in the words of the format."""
    started = hpccm.Stage(name=stage)
    image = base.address
    if not definition and base.kind is not Kind.REGISTRY:
        image = imported_name(base)
    started += baseimage(
        image=image,
        _as=stage,
        _bootstrap=_BOOTSTRAP[base.kind],
        # Debian and Ubuntu are alike in all that HPCCM asks of them.
        _distro="ubuntu24",
        _docker_env=base.kind in (Kind.REGISTRY, Kind.ARCHIVE),
    )
    return started


def python(base: Base, *extra: str) -> packages:
    """Python from the operating system; bases that bring TensorFlow bring their Python."""
    own = [] if base.framework is not Framework.INDEX else ["ca-certificates", "python3"]
    return packages(apt=sorted([*own, *extra]))
