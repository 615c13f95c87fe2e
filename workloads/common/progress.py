"""What a person sees of a running stage: a progress bar, and a table at the end.

Bars go to standard error. Where that is not a terminal (a job's log), a line is written at most
every fifteen seconds instead.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from workloads.common.metrics import metric

LINE_SECONDS = 15.0
LOG_COLUMNS = 140

Advance = Callable[[int], None]


def no_progress(_done: int) -> None:
    """An Advance that shows nothing."""


@contextlib.contextmanager
def progress_of(
    description: str, total: int | None, unit: str, shown: bool = True
) -> Iterator[Advance]:
    """Show progress towards `total`, None when the end is not known.

    Yields a function to call with the number just done.
    """
    if not shown:
        yield no_progress
    elif sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(unit),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bars:
            task = bars.add_task(description, total=total)
            yield lambda done: bars.advance(task, done)
    else:
        yield _lines(description, total, unit)


def _lines(description: str, total: int | None, unit: str) -> Advance:
    started = last = time.monotonic()
    finished = 0

    def advance(done: int) -> None:
        nonlocal last, finished
        finished += done
        now = time.monotonic()
        if now - last >= LINE_SECONDS:
            last = now
            share = f" of {total} ({100 * finished / total:.0f} %)" if total else ""
            line = f"{description}: {finished}{share} {unit}, {now - started:.0f} s"
            print(line, file=sys.stderr, flush=True)

    return advance


def print_table(title: str, figures: Mapping[str, float]) -> None:
    """Print a stage's metrics as a table on standard output."""
    table = Table("metric", "value", "unit", "better", "meaning", title=title, title_justify="left")
    table.columns[1].justify = "right"
    for name, value in figures.items():
        declared = metric(name)
        unit = "" if declared.unit == "1" else declared.unit
        table.add_row(name, f"{value:,.6g}", unit, declared.better, declared.meaning)
    show(table)


def show(table: Table) -> None:
    """Print a table on standard output, as wide as the terminal; else within LOG_COLUMNS."""
    Console(width=None if sys.stdout.isatty() else LOG_COLUMNS).print(table)
