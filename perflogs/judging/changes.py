"""From the judgement of a series to findings: what regressed, got better or is suspect."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from perflogs.judging.causes import candidate_causes
from perflogs.judging.finding import (
    CHANGE,
    HARDWARE,
    IMPROVEMENT,
    REGRESSION,
    SUSPECT,
    Finding,
    Measured,
    finding_name,
)
from perflogs.series import Series
from perflogs.statistics.judgement import Change, Judgement, Suspect


def changes(series: Series, judgement: Judgement, runs: pl.DataFrame) -> Iterator[Finding]:
    """All findings of one series; `runs` are those of the whole history, a row for each number."""
    found = {
        REGRESSION: judgement.regression,
        IMPROVEMENT: judgement.improvement,
        CHANGE: judgement.change,
    }
    for state, change in found.items():
        if change is not None:
            yield _changed(series, runs, state, change)

    if judgement.suspect is not None:
        yield _suspected(series, judgement, judgement.suspect)


def _changed(series: Series, runs: pl.DataFrame, state: str, change: Change) -> Finding:
    numbers, start = _numbers_around(series, change)
    worse = state == REGRESSION
    return Finding(
        **_of_series(series, state),
        category=(HARDWARE if change.node else REGRESSION) if worse else "",
        since=_night(series, change.start),
        nodes=_nodes(series, change.start, change.after.stop),
        node=change.node,
        causes=candidate_causes(runs, numbers, start),
        measured=Measured(
            series.metric,
            series.unit,
            series.better,
            series.comparison,
            change.before.level,
            change.after.level,
            change.difference,
            change.low,
            change.high,
            change.confidence,
        ),
    )


def _suspected(series: Series, judgement: Judgement, suspect: Suspect) -> Finding:
    current = judgement.current
    after = float(series.values[suspect.run])
    return Finding(
        **_of_series(series, SUSPECT),
        category=HARDWARE if suspect.node else REGRESSION,
        since=_night(series, suspect.run),
        nodes=_nodes(series, suspect.run, suspect.run + 1),
        node=suspect.node,
        measured=Measured(
            series.metric,
            series.unit,
            series.better,
            series.comparison,
            after if current is None else current.level,
            after,
            suspect.difference,
            score=suspect.score,
        ),
    )


def _of_series(series: Series, state: str) -> dict[str, Any]:
    return {
        "identity": finding_name(state, series.identity),
        "state": state,
        "system": series.system,
        "partition": series.partition,
        "environ": series.environ,
        "name": series.name,
        "series": series.identity,
    }


def _numbers_around(series: Series, change: Change) -> tuple[list[int], int]:
    """The runs whose events may explain the change, and where in them it begins: where one node
    explains it, what happened to that node."""
    kept = [
        place
        for place, nodes in enumerate(series.nodes)
        if not change.node or set(change.node.split(",")) & set(nodes.split(","))
    ]
    start = sum(place < change.start for place in kept)
    return [int(series.runs[place]) for place in kept], start


def _night(series: Series, place: int) -> date:
    night: date = series.nights[place].item()
    return night


def _nodes(series: Series, start: int, stop: int) -> tuple[str, ...]:
    named = {name for nodes in series.nodes[start:stop] for name in nodes.split(",") if name}
    return tuple(sorted(named))
