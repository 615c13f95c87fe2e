"""From building blocks to the text of a recipe, in one of two formats."""

import enum
import threading
from collections.abc import Callable

import hpccm
from hpccm.common import container_type


class Format(enum.Enum):
    """A kind of recipe, and the name of its file."""

    DEFINITION = "def"
    DOCKERFILE = "dockerfile"

    @property
    def file_name(self) -> str:
        """What its file is called in a build's folder."""
        return "image.def" if self is Format.DEFINITION else "Dockerfile"


# HPCCM keeps the format in a global variable, and reads it while it writes.
_one_at_a_time = threading.Lock()
_TYPES = {
    Format.DEFINITION: container_type.SINGULARITY,
    Format.DOCKERFILE: container_type.DOCKER,
}


def render(make: Callable[[], list[hpccm.Stage]], kind: Format) -> str:
    """The text of the stages that `make` returns; it is called once the format is set."""
    with _one_at_a_time:
        hpccm.config.g_ctype = _TYPES[kind]
        hpccm.config.set_singularity_version("3.8")
        hpccm.config.set_cpu_architecture("x86_64")
        return "\n\n".join(str(stage) for stage in make()) + "\n"
