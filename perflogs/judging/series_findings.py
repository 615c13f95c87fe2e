"""What is found in series that were judged, as long as it is news, with the command that runs the
case again."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from perflogs.history import History
from perflogs.judging.changes import changes
from perflogs.judging.finding import CHANGE, IMPROVEMENT, SUSPECT, Finding
from perflogs.judging.fingerprints import fingerprint_findings
from perflogs.judging.repetition import another_node, command_for
from perflogs.series import Series
from perflogs.statistics.judgement import Judgement

# For so long news is news, and a suspect waits for the run that clears it.
_RECENT = timedelta(days=14)


def series_findings(
    history: History,
    judged: Iterable[tuple[Series, Judgement]],
    nights: dict[tuple[str, str], date],
) -> Iterator[Finding]:
    """The findings of all series; `nights` are the newest ones of each system and partition."""
    for series, judgement in judged:
        found = (
            fingerprint_findings(series, history.runs)
            if series.better == "equal"
            else changes(series, judgement, history.runs)
        )
        newest = nights[series.system, series.partition]
        for finding in found:
            old = newest - (finding.since or date.max) > _RECENT
            if not (old and finding.state in (IMPROVEMENT, CHANGE, SUSPECT)):
                yield replace(finding, again=_again(history.runs, series, finding))


def _again(runs: pl.DataFrame, series: Series, finding: Finding) -> str:
    """For a change that one node may explain, the command runs the case on another one."""
    if finding.state in (IMPROVEMENT, CHANGE):
        return ""

    node = another_node(series.nodes, finding.node) if finding.node else ""
    return command_for(runs, runs.row(int(series.runs[-1]), named=True), node)
