"""From the judgement of a series to findings: what regressed, got better or is suspect."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
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
from perflogs.judging.of_series import fields_of_series, night_of
from perflogs.series import Series
from perflogs.statistics.judgement import Change, Judgement, Suspect

# A node that has not been drawn for so long may have been repaired, or is gone.
_LEFT_ALONE = np.timedelta64(30, "D")


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

    for change in judgement.slow:
        if series.nights[-1] - series.nights[change.after.stop - 1] <= _LEFT_ALONE:
            yield _slow(series, runs, change)

    if judgement.suspect is not None:
        yield _suspected(series, judgement.suspect)


def _changed(series: Series, runs: pl.DataFrame, state: str, change: Change) -> Finding:
    causes = candidate_causes(runs, *_numbers_around(series, change.node, change.start))
    nodes = _nodes(series, change.start, change.after.stop)
    of_node = bool(change.node)
    if of_node and nodes == tuple(sorted(change.node.split(","))):
        # Nothing tells the node from what changed when it was drawn.
        everywhere = candidate_causes(runs, *_numbers_around(series, "", change.start))
        of_node, causes = not everywhere, everywhere or causes
    return Finding(
        **fields_of_series(series, state),
        category=(HARDWARE if of_node else REGRESSION) if state == REGRESSION else "",
        since=night_of(series, change.start),
        nodes=nodes,
        node=change.node,
        causes=causes,
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


def _slow(series: Series, runs: pl.DataFrame, change: Change) -> Finding:
    """A node that is worse than the others whenever it is drawn."""
    names = set(change.node.split(","))
    first = next(at for at, nodes in enumerate(series.nodes) if names & set(nodes.split(",")))
    night = night_of(series, change.start)
    return replace(
        _changed(series, runs, REGRESSION, change),
        category=HARDWARE,
        identity=finding_name(REGRESSION, series.identity, change.node),
        nodes=tuple(sorted(names)),
        reason="worse than other nodes whenever it is drawn"
        + (f", since before {night}: as long as it is known" if change.start == first else ""),
    )


def _suspected(series: Series, suspect: Suspect) -> Finding:
    return Finding(
        **fields_of_series(series, SUSPECT),
        category=HARDWARE if suspect.node else REGRESSION,
        since=night_of(series, suspect.start),
        nodes=_nodes(series, suspect.start, suspect.run + 1),
        node=suspect.node,
        measured=Measured(
            series.metric,
            series.unit,
            series.better,
            series.comparison,
            suspect.usual,
            suspect.level,
            suspect.difference,
            score=suspect.score,
        ),
    )


def _numbers_around(series: Series, node: str, start: int) -> tuple[list[int], int]:
    """The runs whose events may explain a change at the run `start`, and where in them it begins:
    where one node explains it, what happened to that node."""
    kept = [
        place
        for place, nodes in enumerate(series.nodes)
        if not node or set(node.split(",")) & set(nodes.split(","))
    ]
    return [int(series.runs[place]) for place in kept], sum(place < start for place in kept)


def _nodes(series: Series, start: int, stop: int) -> tuple[str, ...]:
    named = {name for nodes in series.nodes[start:stop] for name in nodes.split(",") if name}
    return tuple(sorted(named))
