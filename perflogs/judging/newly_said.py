"""What began before a night and is said only since then: a slow loss, or a small step, takes weeks
to be confirmed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

import polars as pl

from perflogs.history import History
from perflogs.judging.current_series import sort_series
from perflogs.judging.finding import Finding
from perflogs.judging.judged import judge_all
from perflogs.judging.missing_metrics import missing_metrics
from perflogs.judging.never_measured import never_measured
from perflogs.judging.nights import judged_runs, newest_nights
from perflogs.judging.series_findings import series_findings
from perflogs.judging.silence import silent
from perflogs.series import series_of


def newly_said(history: History, findings: Sequence[Finding], since: date) -> set[str]:
    """The names of those findings that began before the night `since`, and which a verdict as of
    that day did not have yet: their series alone are judged once more, as they were then."""
    earlier = [each for each in findings if each.since is not None and each.since < since]
    if not earlier:
        return set()

    said = {each.identity for each in _said_before(history, earlier, since)}
    return {each.identity for each in earlier} - said


def _said_before(history: History, findings: Sequence[Finding], since: date) -> Iterator[Finding]:
    runs = judged_runs(history.runs, since, since)
    nights = newest_nights(runs)
    of_cases = runs.filter(pl.col("name").is_in({each.name for each in findings}))
    every = list(series_of(replace(history, runs=of_cases)))
    wanted = {each.series for each in findings}
    series = [each for each in sort_series(every, nights).judged if each.identity in wanted]
    yield from series_findings(history, judge_all(series), nights)
    yield from silent(runs, since)
    yield from missing_metrics(every, runs, history.runs)
    yield from never_measured(history, of_cases)
