"""Prints a verdict: one screen that says what is wrong, since when, and what to do about it."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perflogs.history import SOUND, Unreadable
from perflogs.judging.finding import (
    CHANGE,
    FAILURE,
    IMPROVEMENT,
    NOT_RUN,
    REGRESSION,
    SUSPECT,
    Finding,
)
from perflogs.judging.incidents import Incident
from perflogs.judging.verdict import CLEAN, FAILED, NOT_JUDGED, REGRESSED, Verdict
from perflogs.reports.wording import nodes_in_words, short_name, story

_TITLES = {
    REGRESSION: ("red", "Confirmed regressions"),
    FAILURE: ("red", "Failures"),
    NOT_RUN: ("yellow", "Planned, and not run"),
    SUSPECT: ("yellow", "Suspects: run them again"),
    IMPROVEMENT: ("green", "Improvements"),
    CHANGE: ("cyan", "Changes that are neither better nor worse"),
}
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
# Of an incident, and of lines that cannot be read.
_MEMBERS, _LINES = 4, 3


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Prints the page of a verdict."""
    for state, (colour, title) in _TITLES.items():
        found = [each for each in verdict.incidents if each.head.state == state]
        if found:
            _say(console, f"[{colour}]{title}[/]")
            for incident in found:
                _print_incident(incident, console)

            console.print()

    _print_acknowledged(verdict.acknowledged, console)
    _print_unreadable(verdict, console)
    if verdict.earlier:
        _say(console, f"{verdict.earlier} finding(s) that began earlier are not shown\n")

    if verdict.nights:
        console.print(_table(verdict))

    _say(console, _closing(verdict))


def _print_incident(incident: Incident, console: Console) -> None:
    head = incident.head
    _print_finding(head, console)
    others = incident.members[1:]
    if others:
        named = [f"{short_name(each)}{_metric(each)} {each.identity}" for each in others[:_MEMBERS]]
        more = f", and {len(others) - _MEMBERS} more" if len(others) > _MEMBERS else ""
        text = f"    incident {incident.identity}, with {len(others)} more: "
        _say(console, text + escape("; ".join(named)) + more)

    if head.again and head.state in (SUSPECT, FAILURE, NOT_RUN):
        _say(console, f"    again: {escape(head.again)}")


def _print_finding(finding: Finding, console: Console) -> None:
    kind = f" [{finding.category}]" if finding.category else ""
    place = f" @{finding.place}" if finding.name else ""
    _say(console, f"  {finding.identity}  {escape(short_name(finding) + place + kind)}")
    _say(console, f"    {escape(story(finding))}")
    facts = []
    if finding.recovered:
        facts.append("passed when it was run again")

    if finding.since is not None:
        facts.append(f"since the night of {finding.since}")

    if finding.state in (REGRESSION, IMPROVEMENT, CHANGE):
        facts.append(f"put down to {finding.attribution}")
    elif finding.node:
        facts.append(f"node {finding.node} may explain it")

    if finding.nodes and finding.node != ",".join(finding.nodes):
        facts.append(f"seen on {nodes_in_words(finding.nodes)}")

    _say(console, f"    {escape('; '.join(facts))}")


def _print_acknowledged(findings: Iterable[Finding], console: Console) -> None:
    findings = list(findings)
    if not findings:
        return

    _say(console, "[cyan]Acknowledged[/]")
    for each in findings:
        known = each.acknowledged
        if known is not None:
            name = f"{short_name(each)}{_metric(each)} @{each.place}"
            until = f"until {known.expires}, by {known.by}: {known.reason}"
            _say(console, f"  {each.identity}  {escape(f'{name}: {story(each)}')}")
            _say(console, f"    {escape(until)}")

    console.print()


def _print_unreadable(verdict: Verdict, console: Console) -> None:
    lines: list[Unreadable] = verdict.history.unreadable
    if lines:
        _say(console, f"[yellow]{verdict.unreadable} line(s) or files cannot be read[/]")
        for each in lines[:_LINES]:
            _say(console, f"  {escape(f'{each.path}:{each.line}: {each.why}: {each.text}')}")

        console.print()


def _table(verdict: Verdict) -> Table:
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
        table.add_row(escape(place), str(night), *[str(number or "") for number in numbers])

    return table


def _closing(verdict: Verdict) -> str:
    said = f"{len(verdict.judged)} series judged"
    if verdict.newest is not None:
        old = (datetime.now(UTC) - verdict.newest).days
        age = f", {old} day(s) ago" if old > 0 else ""
        said += f"; the newest record is of {verdict.newest:%Y-%m-%d %H:%M} UTC{age}"

    undated = verdict.history.runs["time"].null_count()
    if undated:
        said += f"; {undated} run(s) without a time are part of no night"

    for path in verdict.history.unfinished:
        said += f"; {escape(str(path))} is being written"

    word = "nothing new" if verdict.earlier and not verdict.exit_code else None
    return f"{said}\nexit code {verdict.exit_code}: {word or _VERDICTS[verdict.exit_code]}"


def _metric(finding: Finding) -> str:
    return "" if finding.measured is None else f" {finding.measured.metric}"


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, highlight=False)
