"""What the `source` of an entry says: where the values of each of its metrics come from.

One text where that is the same for all, else `METRIC, METRIC: TEXT | METRIC: TEXT`."""

import re
from collections.abc import Iterable, Mapping

from perflogs.baselines.learning import Lesson

SEPARATOR = " | "
_CLAUSE = re.compile(r"(\w+(?:, \w+)*): (.*)")


def origin(lesson: Lesson, campaign: str, rate: float, reason: str) -> str:
    """Where the values of a lesson come from."""
    said = [
        f"campaign {campaign}, {lesson.runs} runs from {lesson.first} to {lesson.last}",
        *([f"segment {lesson.segment} of {lesson.segments}"] if lesson.segments > 1 else []),
        f"missed by {rate:g} of sound runs",
        *([reason] if reason else []),
    ]
    return ", ".join(said)


def origins(source: str, metrics: Iterable[str]) -> dict[str, str]:
    """Where a `source` says that each of the metrics of its entry comes from."""
    metrics = list(metrics)
    found: dict[str, str] = {}
    for clause in source.split(SEPARATOR):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            return dict.fromkeys(metrics, source)

        found |= dict.fromkeys(match[1].split(", "), match[2])

    return found if found.keys() == set(metrics) else dict.fromkeys(metrics, source)


def source_of(origins: Mapping[str, str]) -> str:
    """The `source` of an entry whose metrics come from there."""
    metrics: dict[str, list[str]] = {}
    for metric, text in origins.items():
        metrics.setdefault(text, []).append(metric)

    if len(metrics) == 1:
        return next(iter(metrics))

    return SEPARATOR.join(f"{', '.join(names)}: {text}" for text, names in metrics.items())
