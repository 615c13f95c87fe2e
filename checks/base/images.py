"""Which image a case runs in, and how one that is missing is made.

A partition names them in its `extras.images`: by workload the absolute path of a SIF or a sandbox
(of a squashfs for Pyxis), or a reference of a registry that names its digest."""

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reframe.core.exceptions import ReframeError

from checks.base import gpu_access
from checks.base.container_platforms import NATIVE, PLATFORMS

#: [HOST[:PORT]/]NAME[:TAG]@sha256:DIGEST: a tag alone may be another image tomorrow.
REFERENCE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9][a-z0-9._/-]*(?::\w[\w.-]{0,127})?"
    r"@(?P<digest>sha256:[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True)
class Image:
    """An image of a partition: the workload that it is named for, and its path or reference."""

    name: str
    place: str

    @property
    def is_file(self) -> bool:
        """Whether it is a file or a folder, not a reference."""
        return self.place.startswith("/")

    @property
    def named_digest(self) -> str:
        """That of a reference; empty for a file, whose name says nothing."""
        named = REFERENCE.fullmatch(self.place)
        return named["digest"] if named else ""

    def build_command(self, partition: Any) -> list[str]:
        """Arguments of Python that build it, able to use the GPUs of the partition."""
        base = gpu_access.vendor(partition)
        bases = ["--base", base] if base else []
        return ["-m", "containers", "build", self.name, *bases, "--output", self.place]


def chosen(asked: str, partition: Any) -> str:
    """By what a case is launched on a partition: what was asked for, else the platform that the
    partition has for its default, else NATIVE."""
    return asked or (partition.container_runtime or NATIVE).lower()


def declared(partition: Any) -> list[str]:
    """The platforms that a partition has, by their names in PLATFORMS."""
    return [name.lower() for name in partition.container_environs]


def require_platform(partition: Any, platform: str) -> None:
    """Raises ReframeError where a partition does not have it."""
    if platform not in declared(partition):
        there = ", ".join(declared(partition)) or "none"
        raise ReframeError(
            f"container={platform}: {partition.fullname} declares {there} in container_platforms"
        )


def find(partition: Any, names: Iterable[str]) -> Image | None:
    """The first image that a partition has of these names; None where it has none of them."""
    images = partition.extras.get("images", {})
    return next((Image(name, images[name]) for name in names if name in images), None)


def require(partition: Any, platform: str, names: Iterable[str]) -> Image:
    """As `find`. Raises ReframeError where there is none, or the platform cannot run it."""
    names = [*names]
    image = find(partition, names)
    if image is None:
        raise ReframeError(
            f"{partition.fullname} runs workloads in {PLATFORMS[platform].name} and names no image "
            f"of {' or '.join(names)}: name it in `extras.images` (the supplied sites: in the "
            "folder TRIGPOINT_IMAGES), or run natively with -S container=none"
        )

    if image.is_file and not PLATFORMS[platform].runs_files:
        raise ReframeError(
            f"{PLATFORMS[platform].name} runs no file: {image.place} should be a reference such as "
            "registry.example/NAME@sha256:... in `extras.images`"
        )

    return image


def require_present(image: Image, partition: Any, platform: str) -> None:
    """Raises ReframeError where the file is missing, with the command that makes it."""
    if not image.is_file or _is_there(Path(image.place)):
        return

    command = f"`python {shlex.join(image.build_command(partition))}`"
    if not PLATFORMS[platform].runs_sif:
        command = f"`enroot import --output {shlex.quote(image.place)} docker://REGISTRY#IMAGE`"

    raise ReframeError(f"the image {image.place} is missing: make it with {command}")


def _is_there(path: Path) -> bool:
    """Also where it cannot be looked at, of which whoever reads it will say why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True

    return True
