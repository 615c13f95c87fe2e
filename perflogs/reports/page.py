"""Prints a verdict: one screen that says what is wrong, since when, and what to do about it."""

from collections.abc import Iterable

from rich.console import Console

from perflogs.history import Unreadable
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
from perflogs.judging.verdict import Verdict
from perflogs.reports.page_end import closing_lines, partitions_table
from perflogs.reports.wording import nodes_in_words, short_name, story
from perflogs.words import for_terminal, say, shortened

_TITLES = {
    REGRESSION: ("red", "Confirmed regressions"),
    FAILURE: ("red", "Failures"),
    NOT_RUN: ("yellow", "Not run, or not reported"),
    SUSPECT: ("yellow", "Suspects: run them again"),
    IMPROVEMENT: ("green", "Improvements"),
    CHANGE: ("cyan", "Changes that are neither better nor worse"),
}
# Of an incident, and of lines that cannot be read.
_MEMBERS, _LINES = 4, 3


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Prints the page of a verdict."""
    for state, (colour, title) in _TITLES.items():
        found = [each for each in verdict.incidents if each.head.state == state]
        if found:
            say(console, f"[{colour}]{title}[/]")
            for incident in found:
                _print_incident(incident, console)

            console.print()

    _print_acknowledged(verdict.acknowledged, console)
    _print_ended(verdict.ended, console)
    _print_unreadable(verdict, console)
    if verdict.earlier:
        say(console, f"{verdict.earlier} finding(s) that were said earlier are not shown\n")

    if verdict.nights:
        console.print(partitions_table(verdict))

    say(console, closing_lines(verdict))


def _print_incident(incident: Incident, console: Console) -> None:
    head = incident.head
    _print_finding(head, console)
    others = incident.members[1:]
    if others:
        named = [f"{short_name(each)}{_metric(each)} {each.identity}" for each in others[:_MEMBERS]]
        more = f", and {len(others) - _MEMBERS} more" if len(others) > _MEMBERS else ""
        text = f"    incident {incident.identity}, with {len(others)} more: "
        say(console, text + for_terminal("; ".join(named)) + more)

    if head.again and head.state in (SUSPECT, FAILURE, NOT_RUN):
        say(console, f"    again: {for_terminal(head.again)}")


def _print_finding(finding: Finding, console: Console) -> None:
    kind = f" [{finding.category}]" if finding.category else ""
    place = f" @{finding.place}" if finding.name else ""
    say(console, f"  {finding.identity}  {for_terminal(short_name(finding) + place + kind)}")
    say(console, f"    {for_terminal(shortened(story(finding)))}")
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

    say(console, f"    {for_terminal('; '.join(facts))}")


def _print_acknowledged(findings: Iterable[Finding], console: Console) -> None:
    findings = list(findings)
    if not findings:
        return

    say(console, "[cyan]Acknowledged[/]")
    for each in findings:
        known = each.acknowledged
        if known is not None:
            name = f"{short_name(each)}{_metric(each)} @{each.place}"
            until = f"until {known.expires}, by {known.by}: {known.reason}"
            say(console, f"  {each.identity}  {for_terminal(f'{name}: {shortened(story(each))}')}")
            say(console, f"    {for_terminal(until)}")

    console.print()


def _print_ended(findings: Iterable[Finding], console: Console) -> None:
    named = [f"{short_name(each)}{_metric(each)} @{each.place}" for each in findings]
    if named:
        more = f", and {len(named) - _MEMBERS} more" if len(named) > _MEMBERS else ""
        text = f"{len(named)} regression(s) ended because another series has followed theirs: "
        say(console, text + for_terminal("; ".join(named[:_MEMBERS])) + more + "\n")


def _print_unreadable(verdict: Verdict, console: Console) -> None:
    lines: list[Unreadable] = verdict.history.unreadable
    if lines:
        tonight = verdict.unread_tonight
        some = f", {tonight} of them of the newest night" if tonight else ""
        say(console, f"[yellow]{verdict.unreadable} line(s) or files cannot be read{some}[/]")
        for each in lines[:_LINES]:
            say(
                console,
                f"  {for_terminal(shortened(f'{each.path}:{each.line}: {each.why}: {each.text}'))}",
            )

        console.print()


def _metric(finding: Finding) -> str:
    return "" if finding.measured is None else f" {finding.measured.metric}"
