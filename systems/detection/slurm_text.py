"""Reads what `scontrol` prints."""

import re

from systems.detection.cluster import Gpus

_KEY = re.compile(r"(?:^|(?<=\s))([A-Z][A-Za-z0-9_:/]*)=")
_ABSENT = ("", "(null)", "N/A", "n/a", "NONE", "None")


def records(text: str) -> list[dict[str, str]]:
    """The `Key=value` records of `scontrol --oneliner show ...`, one in each line. Values may hold
    blanks; of a key that comes twice (in a free text at the end) the first stands."""
    found = []
    for line in text.splitlines():
        keys = list(_KEY.finditer(line))
        ends = [key.start() for key in keys[1:]] + [len(line)]
        record: dict[str, str] = {}
        for key, end in zip(keys, ends, strict=True):
            record.setdefault(key[1], line[key.end() : end].strip())

        if record:
            found.append(record)

    return found


def settings(text: str) -> dict[str, str]:
    """The `Key = value` lines of `scontrol show config`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found.setdefault(key.strip(), present(value.strip()))

    return found


def present(value: str) -> str:
    """The value, or an empty one where it is one of Slurm's words for nothing."""
    return "" if value in _ABSENT else value


def gpus(gres: str) -> tuple[Gpus, ...]:
    """The GPUs in a node's generic resources: `gpu:v100:4(S:0-1),gpu:a100_3g.20gb:2,nvme:1`."""
    counts: dict[str, int] = {}
    without_sockets = re.sub(r"\([^)]*\)", "", present(gres))
    for entry in without_sockets.split(","):
        name, *words = entry.strip().split(":")
        if name != "gpu":
            continue

        words = [word for word in words if word != "no_consume"]
        count = int(words.pop()) if words and words[-1].isdigit() else 1
        kind = words[0] if words else ""
        counts[kind] = counts.get(kind, 0) + count

    return tuple(Gpus(kind, count) for kind, count in sorted(counts.items()) if count)


def features(text: str) -> tuple[str, ...]:
    """A node's features, which commas separate, and bars where they stand for alternatives."""
    words = re.split(r"[,|]", present(text))
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def seconds(limit: str) -> int | None:
    """A time limit in seconds: minutes, `minutes:seconds`, `hours:minutes:seconds`, and
    `days-hours` with or without minutes and seconds behind; None where it is unlimited.

    Raises ValueError for anything else."""
    if limit.upper() in ("UNLIMITED", "INFINITE", "NONE", "N/A", ""):
        return None

    found = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", limit)
    if not found:
        raise ValueError(f"{limit!r} is not a time limit of Slurm's")

    days, first, second, third = found.groups()
    if days is not None or third is not None:
        hours, minutes, rest = first, second, third
    else:
        hours, minutes, rest = "0", first, second

    numbers = [int(each or 0) for each in (days, hours, minutes, rest)]
    return ((numbers[0] * 24 + numbers[1]) * 60 + numbers[2]) * 60 + numbers[3]


def number(text: str) -> int | None:
    """A count; None where it is UNLIMITED or not said."""
    return int(text) if text.isdigit() else None
