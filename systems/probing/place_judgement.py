"""Holds the folders that a partition's extras name against what a node of it sees."""

from typing import Any

from reframe.core.systems import SystemPartition

from systems.probing.answer import Answer, Place
from systems.probing.findings import Finding, unanswered

IN_MEMORY = ("tmpfs", "ramfs")


def places(partition: SystemPartition) -> dict[str, list[tuple[str, str]]]:
    """The folders that a partition's extras name: [(what it is, path)] by subject."""
    extras = partition.extras
    scratch = extras.get("scratch")
    return {
        "data": named(extras.get("data")),
        "storage": named(extras.get("storage")),
        "scratch": [("", str(scratch))] if scratch else [],
    }


def named(paths: Any) -> list[tuple[str, str]]:
    """The entries of an extra that have a value."""
    return [(str(name), str(path)) for name, path in (paths or {}).items() if path]


def place_findings(partition: SystemPartition, answer: Answer) -> list[Finding]:
    """A line for each folder, and one for each subject that has none."""
    if answer.places is None:
        return [unanswered("places", answer, "places")]

    lines = []
    for subject, found in places(partition).items():
        if not found:
            lines.append(Finding(subject, True, "none declared"))
        lines += [_place(subject, name, path, answer.places[path]) for name, path in found]

    return lines


def _place(subject: str, name: str, path: str, seen: Place) -> Finding:
    what = f"{name}: {path}" if name else path
    mend = f"mend `extras.{subject}` in the site file"
    if not seen.exists:
        return Finding(subject, False, f"{what} is not there", f"put it there, or {mend}")

    if not seen.readable:
        return Finding(subject, False, f"{what} cannot be read", "mend its permissions")

    if subject == "data":
        return Finding(subject, True, f"{what} can be read")

    if not seen.folder or not seen.writable:
        reason = seen.error or "not a folder"
        return Finding(
            subject,
            False,
            f"{what} cannot be written ({reason}; {room(seen)})",
            f"free some, or {mend}",
        )

    in_memory = ": in memory, what is staged there is taken from it"
    warning = in_memory if seen.file_system in IN_MEMORY else ""
    return Finding(subject, True, f"{what}, {room(seen)}{warning}")


def room(seen: Place) -> str:
    """How much is free there, and on what."""
    return f"{seen.free_bytes / 1e9:.1f} GB free, {seen.file_system}"
