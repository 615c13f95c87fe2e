"""Judges metrics that must not change at all, such as `loss_step100`.

With the same software on the same device they are the same to the last digit, or some node computes
wrongly; or all of them do since something else changed. Where the software has changed as well, the
change is said, and alarms nobody."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl

from perflogs.judging.causes import candidate_causes
from perflogs.judging.finding import CHANGE, HARDWARE, REGRESSION, Finding, Measured
from perflogs.judging.of_series import fields_of_series, night_of
from perflogs.judging.trusted_values import (
    Software,
    Value,
    equal,
    tolerance_of,
    trusted,
    trusted_values,
)
from perflogs.series import Series

#: What computes: with the same of all these, and the same data and device (which make a series),
#: the same value must come out. An image holds libraries that no other column names. The commit of
#: this suite, the first, may change every night without changing what is computed.
SOFTWARE = (
    "suite_commit",
    "tensorflow_version",
    "keras_version",
    "python_version",
    "driver_version",
    "image_digest",
)
#: So many runs that agree with the others again end what is said of a node.
_CLEARED_BY = 3


def fingerprint_findings(series: Series, runs: pl.DataFrame) -> Iterator[Finding]:
    """What is wrong with a series whose values must be equal: one finding for each node that
    computed something else with the same software, or one for the system where all nodes that were
    right compute the same other value since; and the last change with other software."""
    values, tolerance = _values(series, runs), tolerance_of(series)
    right = trusted_values(values, tolerance)
    moved = _moved_together(values, tolerance)
    since = values[moved:]
    if since:
        expected = trusted(_alike(values[:moved], since[0].software), tolerance)
        yield _system_deviation(series, since, expected, runs)

    left = {value.nodes for value in since}
    for nodes in dict.fromkeys(value.nodes for value in values if value.nodes not in left):
        here = [value for value in values if value.nodes == nodes]
        wrong = [not equal(each.value, right[each.software], tolerance) for each in here]
        if any(wrong[-_CLEARED_BY:]):
            yield _deviation(series, here[_standing(wrong)], right)

    yield from _software_changes(series, values, right, tolerance, runs)


def _values(series: Series, runs: pl.DataFrame) -> list[Value]:
    software = runs.select(SOFTWARE)
    return [
        Value(place, series.nodes[place], software.row(int(number)), float(series.values[place]))
        for place, number in enumerate(series.runs)
    ]


def _alike(values: Sequence[Value], software: Software) -> list[Value]:
    return [each for each in values if each.software == software]


def _moved_together(values: Sequence[Value], tolerance: float) -> int:
    """Since when several nodes that were right before agree on another value, with the same
    software, and none differs; behind the last run where there is no such time."""
    start = len(values)
    for each in reversed(values):
        same = equal(each.value, values[-1].value, tolerance)
        if not same or each.software != values[-1].software:
            break

        start -= 1

    before = _alike(values[:start], values[-1].software)
    expected = trusted(before, tolerance) if before else None
    if expected is None or equal(values[-1].value, expected, tolerance):
        return len(values)

    last = {each.nodes: each.value for each in before}
    now = {each.nodes for each in values[start:]}
    were_right = [each for each in now if each in last and equal(last[each], expected, tolerance)]
    return start if len(were_right) > 1 else len(values)


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


def _system_deviation(
    series: Series, since: Sequence[Value], expected: float | None, runs: pl.DataFrame
) -> Finding:
    now, start = since[-1].value, since[0].place
    before = now if expected is None else expected
    return Finding(
        **fields_of_series(series, REGRESSION),
        category=REGRESSION,
        since=night_of(series, start),
        nodes=tuple(sorted({name for each in since for name in each.nodes.split(",") if name})),
        causes=candidate_causes(runs, [int(number) for number in series.runs], start),
        reason=f"{series.metric} is {now!r} on all nodes, {before!r} before, with the same device "
        "and software",
        measured=_measured(series, before, now),
    )


def _deviation(series: Series, first: Value, right: dict[Software, float | None]) -> Finding:
    expected = right[first.software]
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
        **fields_of_series(series, REGRESSION, first.nodes),
        category=HARDWARE,
        since=night_of(series, first.place),
        nodes=tuple(filter(None, first.nodes.split(","))),
        node=first.nodes,
        reason=reason,
        measured=_measured(series, before, first.value),
    )


def _software_changes(
    series: Series,
    values: Sequence[Value],
    right: dict[Software, float | None],
    tolerance: float,
    runs: pl.DataFrame,
) -> Iterator[Finding]:
    """The last change of the trusted value, which came with other software."""
    for earlier, later in reversed(list(pairwise(values))):
        before, after = right[earlier.software], right[later.software]
        if earlier.software != later.software and before is not None and after is not None:
            if equal(after, before, tolerance):
                continue

            numbers = [int(series.runs[earlier.place]), int(series.runs[later.place])]
            yield Finding(
                **fields_of_series(series, CHANGE),
                category="",
                since=night_of(series, later.place),
                causes=candidate_causes(runs, numbers, 1),
                measured=_measured(series, before, after),
            )
            return


def _measured(series: Series, before: float, after: float) -> Measured:
    return Measured(
        series.metric, series.unit, series.better, "absolute", before, after, after - before
    )
