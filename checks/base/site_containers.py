"""What a site file says of container platforms and images, held against what checks can use."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Protocol

from checks.base import gpu_access
from checks.base.container_platforms import PLATFORMS
from checks.base.images import REFERENCE

NAMES = tuple(each.name for each in PLATFORMS.values())
BUILD, PULL = "build", "pull"
MISSING_IMAGES = (BUILD, PULL)
# Near enough for a slip of the fingers.
_MISSPELT = 0.6


class Partition(Protocol):
    """The part of ReFrame's `SystemPartition` that is read here."""

    container_environs: Any
    extras: Any
    launcher_type: Any


def is_image(value: Any) -> bool:
    """Whether a value is the absolute path of an image, or a reference with its digest; performance
    logs, in which it stands, do not quote the bar."""
    is_text = isinstance(value, str) and value.isprintable() and "|" not in value
    return is_text and (_is_path(value) or is_pinned(value))


def is_pinned(value: Any) -> bool:
    """Whether a value is a reference of a registry that names its digest."""
    return isinstance(value, str) and bool(REFERENCE.fullmatch(value))


def complaints(partition: Partition) -> Iterable[str]:
    """What is wrong with the platforms of a partition, and with its images on them."""
    declared = [*partition.container_environs]
    for name in declared:
        if name not in NAMES:
            near = get_close_matches(name.capitalize(), NAMES, n=1, cutoff=_MISSPELT)
            hint = f"is {near[0]!r} meant?" if near else f"there are {', '.join(NAMES)}"
            yield f"container_platforms: type: {name!r} is none that is known: {hint}"

    if "Pyxis" in declared and partition.launcher_type.registered_name != "srun":
        yield "container_platforms: Pyxis is an option of srun: the launcher should be srun"

    if partition.extras.get("missing_images") == BUILD:
        platforms = (PLATFORMS.get(name.lower()) for name in declared)
        if declared and not any(each is not None and each.runs_sif for each in platforms):
            yield "missing_images: 'build' makes images for Apptainer and Singularity alone"

    yield from _supply(partition.extras)


def contested(partitions: Iterable[Any]) -> Iterable[str]:
    """Images that two partitions of a system would build over and over, each for its own GPUs."""
    built: dict[str, tuple[str, str]] = {}
    for partition in partitions:
        if partition.extras.get("missing_images") != BUILD:
            continue

        gpus = gpu_access.vendor(partition)
        for name, image in partition.extras.get("images", {}).items():
            other, others_gpus = built.setdefault(image, (partition.fullname, gpus))
            if others_gpus != gpus:
                yield (
                    f"{partition.fullname}: images: {name}: {image} is built there for "
                    f"{_gpus(gpus)}, and on {other} for {_gpus(others_gpus)}: name another file"
                )


def _gpus(maker: str) -> str:
    return f"GPUs of {maker}" if maker else "no GPUs"


def _supply(extras: Mapping[str, Any]) -> Iterable[str]:
    """Images that could not be made in the way in which the partition wants missing ones made."""
    asked, sources = extras.get("missing_images"), extras.get("image_sources", {})
    for name, image in extras.get("images", {}).items():
        if asked == BUILD and not _is_path(image):
            yield f"images: {name}: missing_images='build' makes files: a path is expected"

        if asked == PULL and _is_path(image) and name not in sources:
            yield f"image_sources: {name}: missing_images='pull' needs to know what {image} is of"

    if sources and asked != PULL:
        yield "image_sources: they are read where missing_images='pull' alone"


def _is_path(value: str) -> bool:
    return value.startswith("/")
