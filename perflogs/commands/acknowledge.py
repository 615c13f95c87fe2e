"""`python -m perflogs ack`: what is known of stays on the page, and out of the exit code."""

import getpass
import os
from argparse import Namespace, _SubParsersAction
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from perflogs.commands.check import verdict_from
from perflogs.commands.sources import add_command, day_or_days, folder_of, today
from perflogs.judging.acknowledgements import (
    acknowledge,
    read_acknowledgements,
    write_acknowledgements,
)
from perflogs.judging.finding import Acknowledgement, Finding
from perflogs.judging.verdict import Verdict
from perflogs.kept_files import ACKNOWLEDGED
from perflogs.words import for_terminal

_DESCRIPTION = """\
Acknowledges findings of `check`, by name, until a day: they stay on the page and out of the exit
code. It covers neither what begins anew since, more than 7 nights later, nor what becomes clearly
worse.
The name of an incident (G-) stands for all its findings. Kept in acknowledged.json beside the
history.

Exit codes: 0 done, 2 unusable input (such as a finding that there is not).
"""


class UnknownFinding(ValueError):
    """A name that no finding has; the message lists those there are."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    summary = "acknowledge a finding until a day, with a reason"
    parser = add_command(subparsers, "ack", summary, _DESCRIPTION, run)
    parser.add_argument("findings", nargs="*", metavar="FINDING", help="as R-1a2b3c4d")
    parser.add_argument("--reason", metavar="TEXT", help="why it is no alarm")
    parser.add_argument(
        "--expires",
        type=day_or_days,
        metavar="WHEN",
        help="the last day on which it is none: 2026-12-01, or 30d or 4w from today",
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--list", action="store_true", help="show what is acknowledged")
    other.add_argument("--withdraw", nargs="+", metavar="FINDING", help="let them count again")
    parser.set_defaults(usage_error=parser.error)


def run(options: Namespace) -> int:
    """Writes or shows acknowledgements. Raises UnknownFinding, UnusableHistory,
    UnusableAcknowledgements, and OSError where the file cannot be written."""
    if options.list:
        _print(read_acknowledgements(_file(options)).values(), today())
    elif options.withdraw:
        _print(_withdraw(_file(options), options.withdraw), today())
    else:
        _add(options, today())

    return 0


def _file(options: Namespace) -> Path:
    return folder_of(options) / ACKNOWLEDGED


def _add(options: Namespace, day: date) -> None:
    reason = " ".join((options.reason or "").split())
    if not (options.findings and reason and options.expires is not None):
        options.usage_error("name a finding, a --reason and when it --expires")

    until = options.expires if isinstance(options.expires, date) else day + options.expires
    if until < day:
        options.usage_error(f"--expires {until} is over")

    path = _file(options)
    now = datetime.now(UTC).replace(microsecond=0)
    known = read_acknowledgements(path)
    for finding in _all_named(options, known):
        each = acknowledge(finding, reason, _user(), now, until)
        known[each.finding] = each

    write_acknowledgements(path, known.values())
    _print(known.values(), day)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container a user may have a number and no name.
        return f"user {os.getuid()}"


def _all_named(options: Namespace, known: dict[str, Acknowledgement]) -> list[Finding]:
    verdict = verdict_from(options, known=known)
    try:
        return [each for name in options.findings for each in _named(verdict, name)]
    except UnknownFinding:
        # What is acknowledged is part of no incident, but was of one.
        before = verdict_from(options, known={})
        if {each.identity for each in before.incidents}.isdisjoint(options.findings):
            raise

        return [each for name in options.findings for each in _named(before, name)]


def _named(verdict: Verdict, name: str) -> Iterable[Finding]:
    for incident in verdict.incidents:
        if incident.identity == name:
            return incident.members

    found = [each for each in verdict.findings if each.identity == name]
    if not found:
        incidents = [each.identity for each in verdict.incidents if len(each.members) > 1]
        there = [*incidents, *sorted(each.identity for each in verdict.findings)]
        raise UnknownFinding(
            f"there is no finding {name!r}: there "
            + (f"are {', '.join(there)}" if there else "is none at all")
        )

    return found


def _withdraw(path: Path, names: list[str]) -> list[Acknowledgement]:
    known = read_acknowledgements(path)
    for name in names:
        if name not in known:
            raise UnknownFinding(
                f"{name!r} is not acknowledged: {', '.join(sorted(known)) or 'nothing'} is"
            )

    left = [each for each in known.values() if each.finding not in names]
    write_acknowledgements(path, left)
    return left


def _print(known: Iterable[Acknowledgement], day: date) -> None:
    table = Table("finding", "until", "reason", "by", "on")
    for each in known:
        until = f"{each.expires} (over)" if each.expires < day else str(each.expires)
        texts = (each.finding, until, each.reason, each.by, str(each.when.date()))
        table.add_row(*map(for_terminal, texts))

    Console().print(table if table.row_count else "nothing is acknowledged")
