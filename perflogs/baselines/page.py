"""Shows what a baseline changes: a table for each case, and the change of the file line by line."""

import difflib
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perflogs.baselines.comparable_runs import LeftOut
from perflogs.baselines.proposal import LOOSER, NEW, REFUSED, SAME, TIGHTER, Proposal
from perflogs.baselines.reference_file import ReferenceFile
from perflogs.statistics.bounds import Bounds
from perflogs.words import for_terminal, say

_STYLES = {NEW: "green", TIGHTER: "green", LOOSER: "yellow", REFUSED: "red", SAME: "dim"}
_DIFFERENCES = {"+": "green", "-": "red", "@": "cyan"}


def print_proposals(
    proposals: Sequence[Proposal], left_out: Sequence[LeftOut], console: Console
) -> None:
    """Prints what becomes of each metric, and what could not be learnt, a case at a time."""
    for case, of_case in groupby(proposals, key=lambda each: each.lesson.case):
        table = Table(title=for_terminal(case.place), title_justify="left")
        for column in ("metric", "now", "learnt", "runs", "nights", ""):
            table.add_column(column, overflow="fold")

        for each in of_case:
            lesson = each.lesson
            table.add_row(
                for_terminal(
                    lesson.metric if lesson.unit == "1" else f"{lesson.metric} ({lesson.unit})"
                ),
                _reference(each.before),
                _reference(each.after),
                str(lesson.runs),
                f"{lesson.first} to {lesson.last}",
                f"[{_STYLES[each.verdict]}]{each.verdict}[/]",
            )

        console.print(table)

    for (place, why), metrics in _grouped(left_out).items():
        what = f"{', '.join(metrics)} of {place}" if metrics else place
        say(console, for_terminal(f"not learnt: {what}: {why}"))


def print_refused(proposals: Sequence[Proposal], console: Console) -> None:
    """Says which bounds were left as they are."""
    refused = [each for each in proposals if each.verdict == REFUSED]
    for each in refused:
        what = f"{each.lesson.metric} of {each.lesson.case.place}"
        ranges = f"{_range(each.after)} would pass, now it is {_range(each.before)}"
        say(console, for_terminal(f"left as it is: {what}: {ranges}"))

    if refused:
        say(console, "--loosen lets bounds be loosened, --loosen METRIC those of one metric")


def print_difference(file: ReferenceFile, text: str, console: Console) -> None:
    """Prints the change of the file as `diff -u` does."""
    name = str(file.path)
    before, after = file.text.splitlines(keepends=True), text.splitlines(keepends=True)
    for line in difflib.unified_diff(before, after, name, name):
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        style = _DIFFERENCES.get(line[0], "")
        console.print(Text(line + end, style), end="", soft_wrap=True)


def _grouped(left_out: Sequence[LeftOut]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for each in left_out:
        metrics = found.setdefault((each.case.place, each.why), [])
        metrics += [each.metric] if each.metric else []

    return found


def _reference(bounds: Bounds | None) -> str:
    if bounds is None:
        return "none"

    written = [f"{100 * each:+.3g}%" for each in (bounds.lower, bounds.upper) if each is not None]
    return f"{bounds.value:.6g} {' '.join(written)}"


def _range(bounds: Bounds | None) -> str:
    assert bounds is not None
    ends = [
        *([] if bounds.lower is None else [f"from {bounds.least:.6g}"]),
        *([] if bounds.upper is None else [f"up to {bounds.greatest:.6g}"]),
    ]
    return " ".join(ends)
