"""Prints a comparison: the worst first, and what is the same only counted."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from perflogs.exit_codes import NOT_JUDGED
from perflogs.fleet.comparison import Comparison
from perflogs.fleet.contrast import Contrast
from perflogs.fleet.selection import Selection
from perflogs.statistics.comparison import (
    BETTER,
    CHANGED,
    CONFIDENCE,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
)
from perflogs.words import amount, case_in_words, for_terminal, say

_COLOURS = {
    WORSE: "red",
    CHANGED: "cyan",
    BETTER: "green",
    INCONCLUSIVE: "yellow",
    EQUIVALENT: "dim",
}
#: Rows that are shown of each verdict unless all are asked for.
_ROWS = {WORSE: 40, CHANGED: 10, BETTER: 10, INCONCLUSIVE: 10, EQUIVALENT: 0}
_MOST_VALUES, _MOST_LEFT = 3, 5


def print_comparison(comparison: Comparison, console: Console, whole: bool) -> None:
    """Prints the page; `whole` shows every row."""
    a, b = comparison.a, comparison.b
    say(console, f"A {for_terminal(a.text)}: {len(a.runs)} runs {_nights(a)}")
    say(console, f"B {for_terminal(b.text)}: {len(b.runs)} runs {_nights(b)}")
    for word, (ours, theirs) in comparison.events.items():
        say(console, for_terminal(f"  {word}: {_listed(ours)} -> {_listed(theirs)}"))

    for loss in comparison.losses if whole else comparison.losses[: _ROWS[WORSE]]:
        where = case_in_words(f"{loss.name} {loss.metric}".strip())
        say(console, f"[red]lost[/] {for_terminal(f'{where} @{loss.place}: {loss.reason}')}")

    rows = [
        each
        for verdict, most in _ROWS.items()
        for each in [one for one in comparison.contrasts if one.verdict == verdict][
            : None if whole else most
        ]
    ]
    if rows:
        console.print(_table(rows))

    hidden = len(comparison.contrasts) - len(rows)
    if hidden:
        say(console, f"{hidden} more rows are folded (--all shows them)")

    left = comparison.left if whole else comparison.left[:_MOST_LEFT]
    for each in left:
        say(console, f"not compared: {for_terminal(case_in_words(each))}")

    if len(left) < len(comparison.left):
        say(console, f"not compared: {len(comparison.left) - len(left)} more cases")

    say(console, _closing(comparison))


def _table(rows: list[Contrast]) -> Table:
    places = {each.pair.place for each in rows}
    table = Table("case", "metric", "A", "B", "change", "95 %", "verdict", "remarks")
    for each in rows:
        pair = each.pair
        colour = _COLOURS[each.verdict]
        where = f" @{pair.place}" if len(places) > 1 else ""
        table.add_row(
            for_terminal(f"{case_in_words(pair.name)}{where}"),
            for_terminal(f"{pair.metric} ({_better(pair.better)})"),
            f"{each.level_a:.5g}",
            f"{each.level_b:.5g}",
            ""
            if each.change is None
            else for_terminal(amount(each.change, pair.comparison, pair.unit)),
            for_terminal(_interval(each)),
            f"[{colour}]{each.verdict}[/]",
            for_terminal("; ".join(_remarks(each))),
        )

    return table


def _interval(each: Contrast) -> str:
    if each.low is None or each.high is None:
        return ""

    pair = each.pair
    low, high = (amount(bound, pair.comparison, pair.unit) for bound in (each.low, each.high))
    return f"{low} to {high}"


def _remarks(each: Contrast) -> Iterator[str]:
    yield from filter(None, (each.method, each.reason))
    if each.visible is not None:
        seen = amount(each.visible, each.pair.comparison, each.pair.unit).lstrip("+")
        more = "" if each.more is None else f", about {each.more} more would tell"
        yield f"{seen} could have been seen{more}"

    yield from each.pair.notes


def _better(better: str) -> str:
    return {"equal": "must be equal", "": "no direction"}.get(better, better)


def _closing(comparison: Comparison) -> str:
    total = len(comparison.contrasts)
    lost = [f"[red]{len(comparison.losses)} lost[/]"] if comparison.losses else []
    if not total:
        nothing = "[yellow]nothing could be compared[/]: no case has figures on both sides"
        return ", ".join([*lost, nothing])

    counts = [
        f"[{_COLOURS[verdict]}]{comparison.count(verdict)} {verdict}[/]"
        for verdict in _ROWS
        if comparison.count(verdict)
    ]
    margins = comparison.margins
    within = f"within ±{100 * margins.relative:g} % (±{margins.absolute:g})"
    said = ", ".join([*lost, *counts, within])
    if comparison.exit_code == NOT_JUDGED:
        return f"{said}: more runs are needed"

    # Of intervals of 95 %, one in forty lies wholly on the worse side by chance.
    by_chance = total * (1 - CONFIDENCE) / 2
    if comparison.exit_code and by_chance >= 1:
        return f"{said}; of {total} intervals about {by_chance:.0f} are too low by chance"

    return said


def _nights(side: Selection) -> str:
    first, last = side.runs["night"].min(), side.runs["night"].max()
    return "at no known time" if first is None else f"in nights {first!s} to {last!s}"


def _listed(values: list[str]) -> str:
    more = f" and {len(values) - _MOST_VALUES} more" if len(values) > _MOST_VALUES else ""
    return ", ".join(values[:_MOST_VALUES]) + more or "unknown"
