"""Holds the images that a partition's extras name against what a node of it sees."""

import shlex
from pathlib import Path

from reframe.core.systems import SystemPartition

from systems import _declaration as declare
from systems.probing.answer import Answer, Place
from systems.probing.findings import Finding, unanswered
from systems.probing.place_judgement import IN_MEMORY, named, room
from systems.probing.platforms import OF_FILES, OF_REGISTRIES

SUBJECT = "image"
# An image unpacked is about three times its file.
UNPACKED = 3


def image_paths(partition: SystemPartition) -> list[str]:
    """The files and folders among a partition's images; others are names in a registry."""
    return [image for _, image in named(partition.extras.get("images")) if image.startswith("/")]


def image_findings(partition: SystemPartition, answer: Answer) -> list[Finding]:
    """A line for each image, for each workload that lacks one where cases run in images, and for
    the room that an image takes where it is unpacked."""
    if answer.places is None:
        return []

    images = named(partition.extras.get("images"))
    lines = [_image(partition, *each, answer.places.get(each[1])) for each in images]
    lines += _lacking(partition, {name for name, _ in images})
    if set(OF_FILES) & set(partition.container_environs):
        seen = [answer.places[path] for path in image_paths(partition)]
        lines.append(_sandbox(answer, max((each.size_bytes for each in seen), default=0)))

    return lines or [Finding(SUBJECT, True, "none declared")]


def _lacking(partition: SystemPartition, there: set[str]) -> list[Finding]:
    platform = partition.container_runtime
    remedy = "name one in `extras.images`, or take `container_platforms` out to run natively"
    return [
        Finding(SUBJECT, False, f"{name}: runs in {platform} here and has no image", remedy)
        for name in declare.WORKLOADS
        if platform and name not in there
    ]


def _image(partition: SystemPartition, name: str, image: str, seen: Place | None) -> Finding:
    what, platform = f"{name}: {image}", partition.container_runtime
    if seen is None:
        return Finding(SUBJECT, True, f"{what} is in a registry, and not looked for")

    if platform in OF_REGISTRIES:
        remedy = "name it by its registry and digest, registry/NAME@sha256:..."
        return Finding(SUBJECT, False, f"{what}: {platform} starts no file", remedy)

    if not seen.exists:
        return _missing(partition, name, image)

    if not seen.readable:
        return Finding(SUBJECT, False, f"{what} cannot be read", "mend its permissions")

    if seen.folder:
        return Finding(SUBJECT, True, f"{what} can be read, a sandbox")

    here = _size_here(image)
    if here != seen.size_bytes:
        there = f"{what} has {seen.size_bytes} bytes on the node"
        other = "is not visible on this host" if here is None else f"{here} bytes on this host"
        remedy = "put it where this host, which takes its digest, and the nodes see the same file"
        return Finding(SUBJECT, False, f"{there} and {other}", remedy)

    if not here:
        return Finding(SUBJECT, False, f"{what} is empty", "build it again")

    return Finding(SUBJECT, True, f"{what} can be read, {_size(here)}")


def _missing(partition: SystemPartition, name: str, image: str) -> Finding:
    if partition.extras.get("missing_images"):
        text = f"{name}: {image} is not there yet: it is made before the cases run"
        return Finding(SUBJECT, True, text, amber=True)

    remedy = f"`{_making(partition, name, image)}` makes it; else mend `extras.images`"
    return Finding(SUBJECT, False, f"{name}: {image} is not there", remedy)


def _making(partition: SystemPartition, name: str, image: str) -> str:
    """The command that makes an image, for the GPUs of the partition where it has some."""
    if partition.container_runtime == "Pyxis":
        return f"enroot import --output {shlex.quote(image)} docker://REGISTRY#IMAGE"

    gpus = [each for each in partition.devices if each.device_type == "gpu"]
    amd = any(str(each.info.get("arch")).startswith("gfx") for each in gpus)
    base = ["--base", "amd" if amd else "nvidia"] if gpus else []
    return shlex.join(["python", "-m", "containers", "build", name, *base, "--output", image])


def _size_here(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None


def _size(number: float) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"


def _sandbox(answer: Answer, largest: int) -> Finding:
    """Too little room is red where images are unpacked, amber where they are usually mounted."""
    folder = answer.unpacking_folder
    seen = (answer.places or {}).get(folder or "")
    if seen is None or answer.mounting is None:
        question = "mounting" if answer.mounting is None else "unpacking_folder"
        return unanswered("sandbox", answer, question)

    how = f"images are mounted by {answer.mounting}" if answer.mounting else "images are unpacked"
    text = f"{how}; {folder}: {room(seen)}"
    if seen.file_system in IN_MEMORY:
        text += ", in memory"

    needed = UNPACKED * largest
    if seen.writable and seen.free_bytes >= needed:
        return Finding("sandbox", True, text)

    lacking = f"{text}, and a sandbox of the largest image takes about {_size(needed)}"
    if not seen.writable:
        lacking = f"{text}, and it cannot be written ({seen.error or 'no such folder'})"

    remedy = "name a larger folder in APPTAINER_TMPDIR, or install squashfuse and allow /dev/fuse"
    return Finding("sandbox", bool(answer.mounting), lacking, remedy, amber=bool(answer.mounting))
