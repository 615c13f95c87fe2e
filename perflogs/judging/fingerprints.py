"""Judges metrics that must not change at all, such as `loss_step100`.

With the same software on the same device they are the same to the last digit, or some node computes
wrongly. Where the software has changed as well, the change is said, and alarms nobody."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import polars as pl

from perflogs.judging.causes import candidate_causes
from perflogs.judging.finding import (
    CHANGE,
    HARDWARE,
    REGRESSION,
    Finding,
    Measured,
    finding_name,
)
from perflogs.series import Series

#: What computes: with the same of all these, and the same data and device (which make a series),
#: the same value must come out. An image holds libraries that no other column names.
SOFTWARE = (
    "suite_commit",
    "tensorflow_version",
    "keras_version",
    "python_version",
    "driver_version",
    "image_digest",
)
#: A sum over several nodes or processes may be made in another order, and differ in rounding.
ROUNDING = 1e-3
#: So many runs that agree with the others again end what is said of a node.
_CLEARED_BY = 3


@dataclass(frozen=True)
class _Value:
    """One run of the series: its place in it, where it ran, with what, and what came out."""

    place: int
    nodes: str
    software: tuple[str, ...]
    value: float


def fingerprint_findings(series: Series, runs: pl.DataFrame) -> Iterator[Finding]:
    """What is wrong with a series whose values must be equal: one finding for each node that
    computed something else with the same software, and the last change with other software."""
    software = runs.select(SOFTWARE)
    values = [
        _Value(place, series.nodes[place], software.row(int(number)), float(series.values[place]))
        for place, number in enumerate(series.runs)
    ]
    tolerance = _tolerance(series)
    trusted = {
        each: _trusted([value for value in values if value.software == each], tolerance)
        for each in dict.fromkeys(value.software for value in values)
    }
    for nodes in dict.fromkeys(value.nodes for value in values):
        here = [value for value in values if value.nodes == nodes]
        wrong = [not _equal(each.value, trusted[each.software], tolerance) for each in here]
        if any(wrong[-_CLEARED_BY:]):
            yield _deviation(series, here[_standing(wrong)], trusted)

    yield from _software_changes(series, values, trusted, tolerance, runs)


def _tolerance(series: Series) -> float:
    per_gpu = "%process_per=gpu" in series.name
    several = any("," in nodes for nodes in series.nodes)
    return ROUNDING if per_gpu or several else 0.0


def _equal(one: float, other: float | None, tolerance: float) -> bool:
    return other is not None and abs(one - other) <= tolerance * abs(other)


def _trusted(values: Sequence[_Value], tolerance: float) -> float | None:
    """The value on most nodes, of those on as many the one of most runs; None where that leaves
    two. A node that differs from itself is not asked, unless there is no other."""
    found: list[float] = []
    for each in values:
        if not any(_equal(each.value, one, tolerance) for one in found):
            found.append(each.value)

    named = [
        (each.nodes, next(one for one in found if _equal(each.value, one, tolerance)))
        for each in values
    ]
    answers: dict[str, set[float]] = {}
    for nodes, value in named:
        answers.setdefault(nodes, set()).add(value)

    votes = Counter(min(own) for own in answers.values() if len(own) == 1)
    counts = Counter(value for _, value in named)
    ranked = sorted(found, key=lambda value: (votes[value], counts[value]), reverse=True)
    best = [(votes[value], counts[value]) for value in ranked[:2]]
    return None if len(best) == 2 and best[0] == best[1] else ranked[0]


def _standing(wrong: Sequence[bool]) -> int:
    """Where what stands at the end began: the first wrong one that no three right ones follow."""
    start = right = 0
    began = False
    for place, is_wrong in enumerate(wrong):
        right = 0 if is_wrong else right + 1
        if is_wrong and not began:
            start, began = place, True
        elif right == _CLEARED_BY:
            began = False

    return start


def _deviation(
    series: Series, first: _Value, trusted: dict[tuple[str, ...], float | None]
) -> Finding:
    expected = trusted[first.software]
    where = first.nodes or "a node unknown"
    reason = (
        f"{series.metric} differs between runs with the same device and software, and no value is "
        f"on most nodes: {first.value!r} on {where}"
        if expected is None
        else f"{series.metric} is {first.value!r} on {where}, {expected!r} elsewhere or before, "
        "with the same device and software"
    )
    before = first.value if expected is None else expected
    return Finding(
        identity=finding_name(REGRESSION, series.identity, first.nodes),
        state=REGRESSION,
        category=HARDWARE,
        system=series.system,
        partition=series.partition,
        environ=series.environ,
        name=series.name,
        series=series.identity,
        since=_night(series, first.place),
        nodes=tuple(filter(None, first.nodes.split(","))),
        node=first.nodes,
        reason=reason,
        measured=_measured(series, before, first.value),
    )


def _software_changes(
    series: Series,
    values: Sequence[_Value],
    trusted: dict[tuple[str, ...], float | None],
    tolerance: float,
    runs: pl.DataFrame,
) -> Iterator[Finding]:
    """The last change of the trusted value, which came with other software."""
    for earlier, later in reversed(list(pairwise(values))):
        before, after = trusted[earlier.software], trusted[later.software]
        if earlier.software != later.software and before is not None and after is not None:
            if _equal(after, before, tolerance):
                continue

            numbers = [int(series.runs[earlier.place]), int(series.runs[later.place])]
            yield Finding(
                identity=finding_name(CHANGE, series.identity),
                state=CHANGE,
                category="",
                system=series.system,
                partition=series.partition,
                environ=series.environ,
                name=series.name,
                series=series.identity,
                since=_night(series, later.place),
                causes=candidate_causes(runs, numbers, 1),
                measured=_measured(series, before, after),
            )
            return


def _measured(series: Series, before: float, after: float) -> Measured:
    return Measured(
        series.metric, series.unit, series.better, "absolute", before, after, after - before
    )


def _night(series: Series, place: int) -> date:
    night: date = series.nights[place].item()
    return night
