"""The verdict on a history: everything that is found in it, in incidents, and one exit code."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from perflogs.exit_codes import CLEAN, FAILED, NOT_JUDGED, REGRESSED
from perflogs.history import History
from perflogs.judging.acknowledgements import marked
from perflogs.judging.current_series import sort_series
from perflogs.judging.failures import failures
from perflogs.judging.finding import (
    FAILURE,
    NOT_RUN,
    NOT_SCHEDULED,
    REGRESSION,
    Acknowledgement,
    Finding,
)
from perflogs.judging.incidents import Incident, incidents
from perflogs.judging.judged import Progress, judge_all
from perflogs.judging.missing_metrics import missing_metrics
from perflogs.judging.never_measured import never_measured
from perflogs.judging.newly_said import newly_said
from perflogs.judging.nights import judged_runs, newest_nights, runs_to_come
from perflogs.judging.series_findings import series_findings
from perflogs.judging.silence import silent
from perflogs.judging.told_once import told_once
from perflogs.judging.unread_tonight import unread_tonight
from perflogs.series import Series, series_of
from perflogs.statistics.judgement import Judgement
from perflogs.unread import unread

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Verdict:
    """All that is said of a history, and of those of its `runs` that are judged.

    `incidents` are those that count, `acknowledged` findings are known of, `recovered` failures
    passed when they were run again. `earlier` is how many had been said before the night that was
    asked for. `nights` is the newest night of each system and partition, `judged` every series that
    is still measured, with its judgement, but for those that are too `young`. `ended` are
    regressions of series that have lately been followed by others, `future` is how many runs say
    that they are yet to come, and `unread_tonight` how many lines of the newest night cannot be
    read. `outdated` says that nothing has run since the night that was asked for.
    `today` is the day on which it is said."""

    history: History
    runs: pl.DataFrame
    newest: datetime | None
    nights: dict[tuple[str, str], date]
    judged: list[tuple[Series, Judgement]]
    young: list[Series]
    findings: list[Finding]
    incidents: list[Incident]
    ended: list[Finding]
    earlier: int
    future: int
    unread_tonight: int
    outdated: bool
    today: date

    @property
    def acknowledged(self) -> list[Finding]:
        """Findings that stand and do not count."""
        return [each for each in self.findings if each.acknowledged]

    @property
    def unreadable(self) -> int:
        """How many lines, sessions or files could not be read."""
        return unread(self.history)

    @property
    def exit_code(self) -> int:
        """1 for a confirmed regression, 3 for a failed test, 4 where nothing or not all that was
        planned could be judged, else 0. What is acknowledged, or has recovered, does not count."""
        counting = [each for each in self.findings if not (each.acknowledged or each.recovered)]
        failed = [each for each in counting if each.state == FAILURE]
        if any(each.state == REGRESSION for each in counting):
            return REGRESSED

        if any(each.category != NOT_SCHEDULED for each in failed):
            return FAILED

        unjudged = failed or any(each.state == NOT_RUN for each in counting)
        silent = self.unread_tonight or self.outdated or not self.judged
        return NOT_JUDGED if unjudged or silent else CLEAN


def reach_verdict(
    history: History,
    known: dict[str, Acknowledgement],
    today: date,
    since: date | None = None,
    kept: Path | None = None,
    progress: Progress | None = None,
    until: date | None = None,
) -> Verdict:
    """Judges a whole history, or what was known of it on the day `until`.

    `known` are the acknowledgements, by the name of their finding. They expire by `today`, and
    nightly runs are expected up to it. With `until`, nights count that had ended at noon of that
    day. With `since`, what had been said before that night is counted and nothing more. `kept`
    and `progress` are as in `judge_all`."""
    runs = judged_runs(history.runs, today, until)
    nights = newest_nights(runs)
    every = list(series_of(replace(history, runs=runs)))
    series = sort_series(every, nights)
    all_judged = list(judge_all([*series.judged, *series.followed], kept, progress))
    judged = all_judged[: len(series.judged)]
    failed, stopped = [*failures(history, runs, since)], [*silent(runs, today)]
    measured = [*series_findings(history, judged, nights)]
    missing = [*missing_metrics(every, runs, history.runs), *never_measured(history, runs)]
    found = [*measured, *failed, *stopped, *missing]
    before = series_findings(history, all_judged[len(series.judged) :], nights)
    unique = {each.identity: each for each in reversed(found)}
    everything = marked(reversed(unique.values()), known, today)
    # What was planned and did not run has a reason of its own.
    silences = {each.identity for each in stopped} - {each.identity for each in failed}
    late = [*measured, *missing, *(each for each in stopped if each.identity in silences)]
    first = since or date.min
    new = newly_said(history, late, first)
    recent = [each for each in everything if _began(each) >= first or each.identity in new]
    shown = told_once(recent, silences, known, today)
    latest = today + _DAY if until is None else until - _DAY
    return Verdict(
        history,
        runs,
        runs["time"].max(),  # type: ignore[arg-type]
        nights,
        judged,
        series.young,
        shown,
        incidents(each for each in shown if not each.acknowledged),
        [each for each in before if each.state == REGRESSION],
        len(everything) - len(recent),
        0 if until is not None else runs_to_come(history.runs, today).height,
        unread_tonight(history.unreadable, max(nights.values(), default=today), latest),
        since is not None and bool(nights) and runs.filter(pl.col("night") >= since).is_empty(),
        today,
    )


def _began(finding: Finding) -> date:
    return finding.since or date.max
