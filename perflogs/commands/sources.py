"""What every command that reads the history shares: where from, and how far it has come."""

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from perflogs.history import History
from perflogs.judging.judged import Progress as Report
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.history import read_history
from perflogs.reading.places import default_sources, find_logs

_DAYS = {"d": 1, "w": 7}
_YEARS = range(1970, 9000)


def add_command(
    subparsers: "_SubParsersAction[Any]",
    name: str,
    summary: str,
    description: str,
    run: Callable[[Namespace], int],
) -> ArgumentParser:
    """Adds a command that reads the history, with the options that say where that is. `summary` is
    its line in the list of commands, `description` the whole of its help."""
    parser: ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--history",
        action="append",
        type=Path,
        metavar="PATH",
        help="a folder of performance logs, one log, a results database, a run report or a folder "
        "of them; may be repeated, and no run counts twice (default: $RFM_PERFLOG_DIR or "
        "./perflogs, $RFM_SQLITE_DB_FILE or perflogs/results.db or ReFrame's own, and the latest "
        "run report)",
    )
    parser.add_argument(
        "--no-index",
        action="store_true",
        help="read and judge everything anew, and keep nothing for the next time",
    )
    return parser


def sources_of(options: Namespace) -> list[Path]:
    """The sources that were named, or those that are there. Raises UnusableHistory for none."""
    sources = list(options.history or default_sources())
    if not sources:
        raise UnusableHistory(
            "there is no history here: run `reframe -c checks -r` first, or name one with --history"
        )

    return sources


def folder_of(options: Namespace) -> Path:
    """Where the suite keeps what belongs to the history: in the first source where that is a folder
    of performance logs, else beside it, because all JSON in a folder of run reports is read."""
    first = sources_of(options)[0]
    return first if first.is_dir() and find_logs(first) else first.parent


def index_of(options: Namespace) -> Path | None:
    """The folder for what is kept from one time to the next; None where nothing is to be."""
    return None if options.no_index else folder_of(options) / ".index"


def history_from(options: Namespace) -> History:
    """Reads the history. Raises UnusableHistory where a source is none."""
    with progress_on_terminal() as report:
        return read_history(sources_of(options), index_of(options), report)


@contextmanager
def progress_on_terminal() -> Iterator[Report]:
    """What shows how far long work has come, on standard error, and there on a terminal only."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        tasks = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what)

            shown.update(tasks[what], completed=done, total=total)

        yield report


def today() -> date:
    """The day that it is, by the clock of this machine."""
    return datetime.now(UTC).astimezone().date()


def days(text: str) -> timedelta:
    """The length of `7d` or `2w`. Raises ArgumentTypeError for anything else."""
    number, unit = text[:-1], text[-1:]
    if not (number.isdecimal() and number.isascii() and len(number) < 6 and unit in _DAYS):
        raise ArgumentTypeError(f"{text!r} is no length of time: give 7d, 2w or a date 2026-11-01")

    return timedelta(days=int(number) * _DAYS[unit])


def day(text: str) -> date:
    """The day of `2026-11-01`. Raises ArgumentTypeError for anything else, and for days that no
    night can be counted from."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no day: give a date such as 2026-11-01") from None

    if found.year not in _YEARS:
        raise ArgumentTypeError(f"{text}: a year from {_YEARS[0]} to {_YEARS[-1]} is expected")

    return found


def day_or_days(text: str) -> date | timedelta:
    """A date, `2026-11-01`, or a length of time, `7d` or `2w`."""
    return day(text) if "-" in text else days(text)
