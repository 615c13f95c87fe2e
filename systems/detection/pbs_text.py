"""Reads what `pbsnodes -a` and `qstat -Q` print, of PBS Pro (OpenPBS) and of Torque."""

import re
from collections.abc import Mapping

from systems.detection.cluster import Gpus, Node, Queue


def blocks(text: str) -> dict[str, dict[str, str]]:
    """The attributes of each node: its name stands at the beginning of a line, and below it, moved
    in, `attribute = value`."""
    found: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        if line and not line[0].isspace():
            current = found.setdefault(line.strip(), {})
        elif " = " in line:
            key, _, value = line.strip().partition(" = ")
            current.setdefault(key, value.strip())

    return found


def is_pro(text: str) -> bool:
    """Whether it is PBS Pro's form: Torque has no `resources_available`."""
    return "resources_available." in text


def nodes(text: str) -> list[Node]:
    """The nodes; those of Torque, and most of PBS Pro's, do not say which queues use them."""
    read = _pro_node if is_pro(text) else _torque_node
    return [read(name, attributes) for name, attributes in blocks(text).items() if attributes]


def _pro_node(name: str, attributes: Mapping[str, str]) -> Node:
    resources = {
        key.removeprefix("resources_available."): value
        for key, value in attributes.items()
        if key.startswith("resources_available.")
    }
    gpus = int(resources.get("ngpus", "0"))
    queues = attributes.get("queue") or resources.get("Qlist") or ""
    return Node(
        name=name,
        queues=_words(queues),
        cpus=int(resources.get("ncpus") or attributes.get("pcpus") or 0),
        gpus=(Gpus(resources.get("gpu_model", ""), gpus),) if gpus else (),
        memory=_megabytes(resources.get("mem", "")),
        state=attributes.get("state", ""),
    )


def _torque_node(name: str, attributes: Mapping[str, str]) -> Node:
    gpus = int(attributes.get("gpus", "0"))
    memory = re.search(r"(?:physmem|availmem)=(\w+)", attributes.get("status", ""))
    return Node(
        name=name,
        queues=(),
        cpus=int(attributes.get("np") or attributes.get("total_threads") or 0),
        gpus=(Gpus("", gpus),) if gpus else (),
        features=_words(attributes.get("properties", "")),
        memory=_megabytes(memory[1]) if memory else 0,
        state=attributes.get("state", ""),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _megabytes(size: str) -> int:
    """A size such as 376gb, 65536mb or 16384kb in MB, rounded down; 0 for what is none."""
    found = re.fullmatch(r"(\d+)([kmgt]?)b", size.lower())
    if not found:
        return 0

    shift = {"": -20, "k": -10, "m": 0, "g": 10, "t": 20}[found[2]]
    return int(found[1]) << shift if shift >= 0 else int(found[1]) >> -shift


def queues(text: str) -> list[Queue]:
    """The queues that run jobs (type E), of `qstat -Q`; up are those that are enabled and started.

    The columns are found by the header's words, which differ between PBS Pro and Torque."""
    found, header = [], []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["Queue"]:
            header = words
        elif header and len(words) >= len(header) and not set(line) <= {"-", " "}:
            row = dict(zip(header, words, strict=False))
            kind = row.get("Type", row.get("T", words[-1]))
            if kind.startswith(("E", "e")):
                up = row.get("Ena") == "yes" and row.get("Str") == "yes"
                found.append(Queue(name=row["Queue"], up=up))

    return found
