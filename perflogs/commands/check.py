"""`python -m perflogs check`: what an administrator asks first in the morning."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from perflogs.commands.sources import (
    add_source_options,
    day_or_days,
    folder_of,
    history_from,
    index_of,
    progress_on_terminal,
    today,
)
from perflogs.judging.acknowledgements import read_acknowledgements
from perflogs.judging.nights import judged_runs
from perflogs.judging.verdict import Verdict, reach_verdict
from perflogs.reports.csv_rows import as_csv
from perflogs.reports.json_document import as_json
from perflogs.reports.junit import as_junit
from perflogs.reports.page import print_verdict
from perflogs.reports.prometheus import as_prometheus
from perflogs.whole_file import write_whole

#: Beside the history.
ACKNOWLEDGED = "acknowledged.json"
_DESCRIPTION = """\
Says what regressed, since when, by how much, how sure, on which nodes and after which change; what
may have, with the command that runs it again; what got better; what failed, and what did not run.

A regression stands until the figures are back, or it is acknowledged (`ack`). Improvements are
shown for 14 nights; suspects until the case ran again, for 14 nights at most; failures are those of
the newest night of each partition, where the latest run of a case decides. With --since, what began
before is counted, but neither shown in detail nor part of the exit code.

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


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser: ArgumentParser = subparsers.add_parser(
        "check",
        help="what regressed, what got better, what failed, what did not run",
        description=_DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_source_options(parser)
    parser.add_argument(
        "--since",
        type=day_or_days,
        metavar="WHEN",
        help="what began since then alone: 2026-11-01, or 7d or 2w before the newest night",
    )
    parser.add_argument(
        "--as-of",
        type=date.fromisoformat,
        metavar="DAY",
        help="what would have been said on that day: later nights are left out (default: today)",
    )
    parser.add_argument(
        "--junit", type=Path, metavar="FILE", help="write JUnit XML, a test for each metric"
    )
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write all that the page has as JSON; `-` writes it to standard output instead of "
        "the page",
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a row for each finding")
    parser.add_argument(
        "--prometheus",
        type=Path,
        metavar="FILE",
        help="write a file for the textfile collector of node_exporter (FILE.prom)",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Judges the history, and says the verdict. Raises UnusableHistory,
    UnusableAcknowledgements, and OSError where a file cannot be written."""
    verdict = verdict_from(options, options.since, options.as_of)
    for name, text_of in _WRITERS.items():
        path: Path | None = getattr(options, name)
        if path is not None and path != Path("-"):
            write_whole(path, text_of(verdict))

    if options.json == Path("-"):
        print(as_json(verdict), end="", flush=True)
    else:
        print_verdict(verdict, Console())

    return verdict.exit_code


def verdict_from(options: Namespace, since: Any = None, as_of: date | None = None) -> Verdict:
    """The verdict on the history that the options name, up to a day where one is given; `since` is
    a date, or a length of time before the newest night."""
    known = read_acknowledgements(folder_of(options) / ACKNOWLEDGED)
    history = history_from(options)
    index = index_of(options)
    newest = judged_runs(history.runs, as_of)["night"].max()
    if since is not None and not isinstance(since, date):
        since = None if newest is None else newest - since

    with progress_on_terminal() as report:
        kept = None if index is None else index / "judgements.json"
        return reach_verdict(history, known, as_of or today(), since, kept, report, until=as_of)
