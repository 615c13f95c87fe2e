"""The container platforms of a partition of a site file, and what is said of images there."""

import os
from pathlib import Path
from typing import Any

from systems import _declaration as declare
from systems.detection import evidence
from systems.detection.source import Block, Comment, literal
from systems.probing.answer import Answer
from systems.probing.job import CHECKOUT
from systems.probing.node.containers import FAKEROOT
from systems.probing.platforms import COMMANDS, OF_FILES, doubtful, state, unusable


def image_places() -> list[str]:
    """What to look at on a node: the folders where a user may keep images for all nodes, and the
    images that TRIGPOINT_IMAGES holds."""
    return [*_folders(), *_images().values()]


def _folders() -> list[str]:
    named = [os.environ.get(declare.IMAGES, ""), str(Path.home()), str(CHECKOUT)]
    return list(dict.fromkeys(each for each in named if each.startswith("/")))


def _images() -> dict[str, str]:
    folder = os.environ.get(declare.IMAGES, "")
    paths = {name: f"{folder}/{name}.sif" for name in declare.WORKLOADS}
    return paths if folder.startswith("/") else {}


def images_there(answer: Answer | None) -> dict[str, str]:
    """The path of each workload's image in TRIGPOINT_IMAGES that the node can read, where it has a
    platform that starts files."""
    if answer is None or not set(OF_FILES) & set(_usable(answer)):
        return {}

    seen = answer.places or {}
    return {name: path for name, path in _images().items() if path in seen and seen[path].readable}


def containers(answer: Answer | None) -> Block:
    """The entry, with the platforms whose runtime starts containers on the node; `answer` is None
    where no node has been looked at.

    It is a comment while there are no images: a partition that has a platform runs nothing
    natively."""
    if answer is None or answer.runtimes is None:
        return [Comment("Not known: the container platforms of the nodes (container_platforms).")]

    if not answer.runtimes:
        return [Comment("No container runtime is on the node's PATH (container_platforms).")]

    there = "; ".join(state(each, answer) for each in answer.runtimes)
    entries: list[Any] = [
        Comment(f"Container runtimes on the node: {there}."),
        Comment(_privileges(answer)),
    ]
    platforms = [{"type": each} for each in _usable(answer)]
    if images_there(answer):
        return [*entries, ("container_platforms", platforms)]

    if platforms:
        entries += [
            Comment("With the next line, cases run in images, and each needs one in `extras`:"),
            Comment(f'"container_platforms": {literal(platforms)}'),
        ]

    return entries


def _usable(answer: Answer) -> list[str]:
    usable = [each for each in COMMANDS if not (unusable(each, answer) or doubtful(each, answer))]
    if {"Apptainer", "Singularity"} <= set(usable):
        # Apptainer brings a command of the name singularity.
        usable.remove("Singularity")

    return usable


def _privileges(answer: Answer) -> str:
    """What a user may do there who starts or builds images."""
    namespaces, starts = answer.user_namespaces, answer.starts or {}
    faking = [not error for name, error in starts.items() if name.endswith(FAKEROOT)]
    ids = answer.subordinate_ids
    words = [
        f"user namespaces: {_yes(namespaces.work) if namespaces else 'not known'}",
        f"fakeroot: {_yes(any(faking)) if faking else 'not tried'}"
        + (f", {ids.users} subordinate users" if ids else ""),
    ]
    folder = answer.unpacking_folder or ""
    seen = (answer.places or {}).get(folder)
    if seen is not None:
        how = f"mounted by {answer.mounting}, else" if answer.mounting else "not mounted, but"
        words.append(f"image files: {how} unpacked in {folder}, {evidence.described(seen)}")

    return f"For a user there: {'; '.join(words)}."


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def images(answer: Answer | None) -> Block:
    """The entry of `extras`, where there are images, and where they may lie."""
    seen = (answer and answer.places) or {}
    folders = [
        f"{path}: {evidence.described(seen[path])}"
        for path in _folders()
        if path in seen and seen[path].exists
    ]
    where = f" The node sees {'; '.join(folders)}." if folders else ""
    found = images_there(answer)
    return [
        Comment(f"Images must lie where every node reads them.{where}"),
        ("images", found) if found else Comment('"images": {"skyline": "/....sif"}'),
    ]
