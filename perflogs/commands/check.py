"""`python -m perflogs check`: what an administrator asks first in the morning."""

from argparse import Namespace, _SubParsersAction
from collections.abc import Callable
from datetime import date
from typing import Any

from rich.console import Console

from perflogs.commands.documents import (
    add_document_options,
    unusable_said,
    wanted_documents,
    write_documents,
)
from perflogs.commands.sources import (
    add_command,
    day,
    day_or_days,
    folder_of,
    history_from,
    index_of,
    progress_on_terminal,
    today,
)
from perflogs.judging.acknowledgements import read_acknowledgements
from perflogs.judging.finding import Acknowledgement
from perflogs.judging.nights import judged_runs
from perflogs.judging.verdict import Verdict, reach_verdict
from perflogs.kept_files import ACKNOWLEDGED
from perflogs.reports.csv_rows import COLUMNS, as_csv
from perflogs.reports.json_document import as_json
from perflogs.reports.junit import as_junit
from perflogs.reports.page import print_verdict
from perflogs.reports.prometheus import as_prometheus
from perflogs.reports.unusable import (
    unusable_as_csv,
    unusable_as_json,
    unusable_as_junit,
    unusable_as_prometheus,
)

_DESCRIPTION = """\
Says what regressed, since when, by how much, how sure, on which nodes and after which change; what
may have, with the command that runs it again; what got better; what failed, and what did not run.

A regression stands until the figures are back, or it is acknowledged (`ack`). Improvements are
shown for 14 nights; suspects until the case ran again, for 14 nights at most. The latest run of a
case decides: a failure stands until it passes, for 90 days at most. With --since, what had been
said before that night is counted, but neither shown in detail nor part of the exit code; what began
earlier and was confirmed only since then is shown.

Each finding has a class: regression, hardware, failure, not scheduled or suite error. Its name
(R-, S-, I-, C-, F-, Q- and eight digits) stays the same for as long as it stands.

Exit codes, the first that applies:
  2  unusable input
  1  a confirmed regression: of the system, or of a node (class hardware)
  3  a test failed
  4  nothing could be judged, or something planned was not: not scheduled, stopped reporting
  0  none of these; suspects, improvements and what is acknowledged change nothing
"""
_WRITERS: dict[str, Callable[[Verdict], str]] = {
    "junit": as_junit,
    "json": as_json,
    "csv": as_csv,
    "prometheus": as_prometheus,
}
_UNUSABLE_WRITERS: dict[str, Callable[[str], str]] = {
    "junit": unusable_as_junit,
    "json": unusable_as_json,
    "csv": unusable_as_csv(COLUMNS, "state"),
    "prometheus": unusable_as_prometheus,
}


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    summary = "what regressed, what got better, what failed, what did not run"
    parser = add_command(subparsers, "check", summary, _DESCRIPTION, run)
    parser.add_argument(
        "--since",
        type=day_or_days,
        metavar="WHEN",
        help="what is said since then alone: 2026-11-01, or 7d or 2w before the newest night",
    )
    parser.add_argument(
        "--as-of",
        type=day,
        metavar="DAY",
        help="what would have been said on that day: nights count that had ended at its "
        "noon (default: today, with all that there is)",
    )
    contents = {
        "junit": "JUnit XML, a test for each metric",
        "json": "all that the page has as JSON",
        "csv": "a row for each finding",
        "prometheus": "a file for the textfile collector of node_exporter (FILE.prom)",
    }
    add_document_options(parser, contents)


def run(options: Namespace) -> int:
    """Judges the history, and says the verdict. Raises UnusableOutput, UnusableHistory,
    UnusableAcknowledgements, and OSError where a file cannot be written; where there is no verdict,
    the documents say so."""
    wanted = wanted_documents(options, _WRITERS)
    with unusable_said(wanted, _UNUSABLE_WRITERS):
        verdict = verdict_from(options, options.since, options.as_of)

    if not write_documents(wanted, _WRITERS, verdict):
        print_verdict(verdict, Console())

    return verdict.exit_code


def verdict_from(
    options: Namespace,
    since: Any = None,
    as_of: date | None = None,
    known: dict[str, Acknowledgement] | None = None,
) -> Verdict:
    """The verdict on the history that the options name, up to a day where one is given; `since` is
    a date, or a length of time before the newest night. What is acknowledged is `known`, or else
    what the file beside the history says."""
    if known is None:
        known = read_acknowledgements(folder_of(options) / ACKNOWLEDGED)

    history = history_from(options)
    index = index_of(options)
    newest = judged_runs(history.runs, as_of or today(), as_of)["night"].max()
    if since is not None and not isinstance(since, date):
        since = None if newest is None else newest - since

    with progress_on_terminal() as report:
        kept = None if index is None else index / "judgements.json"
        return reach_verdict(history, known, as_of or today(), since, kept, report, until=as_of)
