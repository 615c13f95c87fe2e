"""Compares two parts of a history in every metric of every case that both have."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.fleet.cases import named_alike, parameters
from perflogs.fleet.contrast import ORDER, Contrast, Margins, contrast
from perflogs.fleet.losses import Loss, failing_cases, metrics_gone
from perflogs.fleet.samples import SAID, pairs
from perflogs.fleet.selection import Selection, UnusableSelection
from perflogs.history import EVENTS, KEYS, SOUND, History
from perflogs.statistics.comparison import INCONCLUSIVE, WORSE

# Where these differ, a case may well measure something else.
_OWN_METRICS = {"system", "partition", "environ", "name", "check", *KEYS}


@dataclass(frozen=True)
class Comparison:
    """All contrasts, the worst first; `losses` are cases that fail in B and metrics that it no
    longer reports, `left` says in words what could not be paired, `events` what differs between the
    software of A and B: the values on either side."""

    a: Selection
    b: Selection
    margins: Margins
    contrasts: list[Contrast]
    losses: list[Loss]
    left: list[str]
    events: dict[str, tuple[list[str], list[str]]]

    def count(self, verdict: str) -> int:
        """How many contrasts have this verdict."""
        return sum(each.verdict == verdict for each in self.contrasts)

    @property
    def exit_code(self) -> int:
        """1 where anything is worse or lost, 4 where all is inconclusive or there is nothing,
        else 0."""
        if self.count(WORSE) or self.losses:
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

    compared = a.compared | b.compared
    ours, theirs = (named_alike(side.runs, compared) for side in (a, b))
    losses = failing_cases(ours, theirs, compared)
    gone = metrics_gone(history, ours, theirs, compared, SAID, metrics)
    explained = {each.case for each in (*losses, *gone)}
    found, left = pairs(history, ours, theirs, compared, metrics, explained)
    if compared.isdisjoint(_OWN_METRICS | parameters(a.runs) | parameters(b.runs)):
        losses += gone
    else:
        left += [f"{each.name} {each.metric}: only in A" for each in gone]

    left = [*_of_other_systems(a, b), *left]
    contrasts = sorted((contrast(pair, margins) for pair in found), key=_worst_first)
    return Comparison(a, b, margins, contrasts, losses, left, _events(a.runs, b.runs))


def _worst_first(each: Contrast) -> tuple[object, ...]:
    # The larger of two changes first; a fraction and a difference in a unit have no order.
    size = abs(each.change or 0.0)
    return ORDER.index(each.verdict), -size, each.pair.place, each.pair.name, each.pair.metric


def _of_other_systems(a: Selection, b: Selection) -> Iterator[str]:
    ours, theirs = (set(side.runs["system"].unique()) for side in (a, b))
    if ours.isdisjoint(theirs) and "system" not in a.compared | b.compared:
        one, other = (" or ".join(sorted(each)) for each in (ours, theirs))
        yield f"A is of {one}, B of {other}: add system={one} to A and system={other} to B"


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
