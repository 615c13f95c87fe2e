"""`python -m perflogs session`: what the last session of ReFrame found."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from rich.console import Console

from perflogs.reading.places import latest_report
from perflogs.session import read_report
from perflogs.session_page import print_session


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser = subparsers.add_parser(
        "session",
        help="what the last session of ReFrame found, and where its records are",
        description="What the last session of ReFrame found, and where its records are. Exit "
        "codes: 0 all cases passed, 2 unusable input, 3 a test failed, 4 nothing could be judged "
        "(no case, or all skipped).",
    )
    parser.add_argument(
        "report", nargs="?", type=Path, help="a run report of ReFrame (default: the latest)"
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Prints the page of a session. Raises UnusableReport."""
    found = read_report(options.report or latest_report())
    print_session(found, Console())
    return found.exit_code
