"""`python -m perflogs compare A B`: what a change has done, or what two systems differ in."""

from argparse import ArgumentTypeError, Namespace, _SubParsersAction
from typing import Any

from rich.console import Console

from perflogs.commands.documents import (
    add_document_options,
    unusable_said,
    wanted_documents,
    write_documents,
)
from perflogs.commands.sources import add_command, history_from
from perflogs.fleet.comparison import compare
from perflogs.fleet.comparison_document import COLUMNS, comparison_csv, comparison_json
from perflogs.fleet.comparison_page import print_comparison
from perflogs.fleet.contrast import Margins
from perflogs.fleet.selection import select, short_names
from perflogs.reports.unusable import unusable_as_csv, unusable_as_json
from perflogs.unread import say_unread

_WRITERS = {"json": comparison_json, "csv": comparison_csv}
_UNUSABLE_WRITERS = {"json": unusable_as_json, "csv": unusable_as_csv(COLUMNS, "verdict")}
_DESCRIPTION = f"""\
Compares B with A in every metric of every case that both have. A and B are each

  2026-11-01..2026-11-07, 2026-11-08.., ..2026-11-07   nights, both ends included
  7d.., 14d..7d                                        the last 7 nights, and the 7 before them
  KEY=VALUE                                            such as driver=570.1 or system=pearl

or several of these, separated by commas, that all hold. Keys: {", ".join(short_names())}, node, and
whatever else the cases are told apart by. Of a digest or a commit, the first 7 digits do.

Cases are the same that agree in all but what is compared. Where six nodes or more have runs of
their own on both sides, their medians are compared in pairs; else runs are compared within each
node, where that leaves out less than half of them; else all runs as two samples. Estimates are
those of Hodges and Lehmann, with distribution-free intervals of 95 %.

Verdicts:
  worse         the whole interval is on the worse side of 0, and the estimate beyond the margin
  better        the same on the other side; changed, where no direction is better
  equivalent    the whole interval lies within the margin
  inconclusive  none of these; then it says what could have been seen, and how many runs would tell
  lost          B fails a case that passed in A, or no longer reports a metric; what the scheduler
                did not run, or nobody ran in B, is only said

Exit codes: 0 nothing is worse, 1 something is worse or lost, 2 unusable input, 4 nothing could be
compared, or all is inconclusive.
"""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    summary = "two periods, images, systems, drivers or commits, metric by metric"
    parser = add_command(subparsers, "compare", summary, _DESCRIPTION, run)
    parser.add_argument("a", metavar="A", help="what it was before")
    parser.add_argument("b", metavar="B", help="what it is now")
    parser.add_argument(
        "--margin",
        type=_fraction,
        default=0.02,
        metavar="PERCENT",
        help="what is still equivalent of metrics that are compared relatively (default: 2%%)",
    )
    parser.add_argument(
        "--absolute-margin",
        type=_not_negative,
        default=0.005,
        metavar="NUMBER",
        help="the same of those that are not, in their unit (default: 0.005)",
    )
    parser.add_argument(
        "--metric", action="append", default=[], metavar="NAME", help="this metric; repeatable"
    )
    parser.add_argument("--all", action="store_true", help="show all rows")
    add_document_options(parser, {"json": "JSON", "csv": "a row for each contrast"})


def run(options: Namespace) -> int:
    """Compares, and says what was found. Raises ValueError for what cannot be used, and OSError
    where a file cannot be written; what cannot be used the documents say as well."""
    wanted = wanted_documents(options, _WRITERS)
    with unusable_said(wanted, _UNUSABLE_WRITERS):
        history = history_from(options)
        say_unread(history)
        a, b = (select(text, history.runs) for text in (options.a, options.b))
        margins = Margins(options.margin, options.absolute_margin)
        comparison = compare(history, a, b, margins, set(options.metric))

    if not write_documents(wanted, _WRITERS, comparison):
        print_comparison(comparison, Console(), options.all)

    return comparison.exit_code


def _fraction(text: str) -> float:
    if not text.endswith("%"):
        raise ArgumentTypeError(f"{text!r} is no percentage such as 2%")

    return _not_negative(text[:-1]) / 100


def _not_negative(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0

    if not 0 <= value < 1e9:
        raise ArgumentTypeError(f"{text!r} is not a number of 0 or more")

    return value
