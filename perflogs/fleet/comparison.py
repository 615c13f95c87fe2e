"""Compares two parts of a history in every metric of every case that both have."""

from dataclasses import dataclass

import polars as pl

from perflogs.fleet.contrast import ORDER, Contrast, Margins, contrast
from perflogs.fleet.samples import pairs
from perflogs.fleet.selection import Selection, UnusableSelection
from perflogs.history import EVENTS, SOUND, History
from perflogs.statistics.comparison import INCONCLUSIVE, WORSE

CLEAN, REGRESSED, NOT_JUDGED = 0, 1, 4


@dataclass(frozen=True)
class Comparison:
    """All contrasts, the worst first; `left` says in words what could not be paired, `events` what
    differs between the software of A and B: the values on either side."""

    a: Selection
    b: Selection
    margins: Margins
    contrasts: list[Contrast]
    left: list[str]
    events: dict[str, tuple[list[str], list[str]]]

    def count(self, verdict: str) -> int:
        """How many contrasts have this verdict."""
        return sum(each.verdict == verdict for each in self.contrasts)

    @property
    def exit_code(self) -> int:
        """1 where anything is worse, 4 where all is inconclusive or there is nothing, else 0."""
        if self.count(WORSE):
            return REGRESSED

        return CLEAN if self.count(INCONCLUSIVE) < len(self.contrasts) else NOT_JUDGED


def compare(
    history: History, a: Selection, b: Selection, margins: Margins, metrics: set[str]
) -> Comparison:
    """Compares B with A in these metrics (in all, if none is named). Raises UnusableSelection where
    runs are on both sides, or a metric is on neither."""
    shared = a.runs.join(b.runs, on="run", how="semi")
    if not shared.is_empty():
        raise UnusableSelection(
            f"{len(shared)} runs are in {a.text!r} and in {b.text!r}: nothing can be compared with "
            "itself"
        )

    known = set(history.figures["metric"].cast(pl.String).unique())
    if not metrics <= known:
        raise UnusableSelection(
            f"no metric {', '.join(sorted(metrics - known))}: there are {', '.join(sorted(known))}"
        )

    found, left = pairs(history, a.runs, b.runs, a.compared | b.compared, metrics)
    contrasts = sorted((contrast(pair, margins) for pair in found), key=_worst_first)
    return Comparison(a, b, margins, contrasts, left, _events(a.runs, b.runs))


def _worst_first(each: Contrast) -> tuple[object, ...]:
    # The larger of two changes first; a fraction and a difference in a unit have no order.
    size = abs(each.change or 0.0)
    return ORDER.index(each.verdict), -size, each.pair.place, each.pair.name, each.pair.metric


def _events(a: pl.DataFrame, b: pl.DataFrame) -> dict[str, tuple[list[str], list[str]]]:
    found = {}
    for column, word in EVENTS.items():
        ours, theirs = (
            sorted({each for each in runs.filter(SOUND)[column].unique() if each})
            for runs in (a, b)
        )
        if ours != theirs:
            found[word] = (ours, theirs)

    return found
