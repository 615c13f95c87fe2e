"""The end of a verdict's page: what was looked at, and the exit code in words."""

from collections import Counter

import polars as pl
from rich.table import Table

from perflogs.exit_codes import CLEAN, FAILED, NOT_JUDGED, REGRESSED
from perflogs.history import SOUND
from perflogs.judging.finding import FAILURE, IMPROVEMENT, NOT_RUN, REGRESSION, SUSPECT
from perflogs.judging.verdict import Verdict
from perflogs.words import case_in_words, for_terminal

_COLUMNS = {
    REGRESSION: "regressions",
    SUSPECT: "suspects",
    FAILURE: "failures",
    NOT_RUN: "not run",
    IMPROVEMENT: "better",
}
_VERDICTS = {
    CLEAN: "nothing is wrong",
    REGRESSED: "a regression is confirmed",
    FAILED: "a test failed",
    NOT_JUDGED: "nothing could be judged, or not all that was planned",
}
# Of the series that are too young.
_NAMED = 3


def partitions_table(verdict: Verdict) -> Table:
    """A row for each partition: its newest night, and how many findings of each kind it has."""
    counts = Counter((each.place, each.state) for each in verdict.findings)
    # On a narrow terminal there is no room for columns of nothing.
    states = [state for state in _COLUMNS if any(each.state == state for each in verdict.findings)]
    table = Table(title_justify="left")
    table.add_column("partition", overflow="fold")
    table.add_column("newest night", no_wrap=True)
    for column in ("runs", "sound", *(_COLUMNS[state] for state in states)):
        table.add_column(column, justify="right")

    runs = verdict.runs
    for (system, partition), night in verdict.nights.items():
        tonight = runs.filter(
            (pl.col("system") == system)
            & (pl.col("partition") == partition)
            & (pl.col("night") >= night)
        )
        place = f"{system}:{partition}"
        numbers = [tonight.height, tonight.filter(SOUND).height]
        numbers += [counts[place, state] for state in states]
        table.add_row(for_terminal(place), str(night), *[str(number or "") for number in numbers])

    return table


def closing_lines(verdict: Verdict) -> str:
    """What was judged and what could not be, and the exit code."""
    said = f"{len(verdict.judged)} series judged"
    if verdict.young:
        # In the first nights of a suite all are young, and exit code 4 says so.
        named = f" ({_young(verdict)})" if verdict.judged else ""
        said += f", {len(verdict.young)} with too few runs to be judged{named}"

    if verdict.newest is not None:
        old = (verdict.today - verdict.newest.date()).days
        age = f", {old} day(s) ago" if old > 0 else ""
        said += f"; the newest record is of {verdict.newest:%Y-%m-%d %H:%M} UTC{age}"

    undated = verdict.history.runs["time"].null_count()
    if undated:
        said += f"; {undated} run(s) without a time are part of no night"

    if verdict.outdated:
        said += "; nothing has run since the night that was asked for"

    if verdict.future:
        said += f"; {verdict.future} run(s) whose time lies ahead are left out: a clock is wrong"

    for path in verdict.history.unfinished:
        said += f"; {for_terminal(str(path))} is being written"

    return f"{said}\nexit code {verdict.exit_code}: {_outcome(verdict)}"


def _young(verdict: Verdict) -> str:
    """The first of the metrics that are not judged yet, each once."""
    named = [f"{case_in_words(each.name)} {each.metric}" for each in verdict.young]
    single = list(dict.fromkeys(named))
    more = f", and {len(single) - _NAMED} more" if len(single) > _NAMED else ""
    return for_terminal(", ".join(single[:_NAMED])) + more


def _outcome(verdict: Verdict) -> str:
    """The exit code in words, which promise no more than it does."""
    if verdict.exit_code != CLEAN or not (verdict.earlier or verdict.acknowledged):
        return _VERDICTS[verdict.exit_code]

    known = len(verdict.acknowledged)
    return f"nothing new is wrong, {known} finding(s) acknowledged" if known else "nothing new"
