"""Judges pairs of samples: by how much B differs from A, and what that means."""

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perflogs.fleet.equal_values import by_software, most_common, new_values
from perflogs.fleet.folding import folded
from perflogs.fleet.samples import Pair, Sample
from perflogs.statistics.comparison import (
    BETTER,
    CHANGED,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    Shift,
    blocked_shift,
    more_needed,
    paired_shift,
    smallest_visible,
    verdict,
)

#: By fewer nodes no interval of 95 % can be had from pairs.
FEWEST_NODES = 6
#: In a table, what matters most comes first.
ORDER = (WORSE, CHANGED, BETTER, INCONCLUSIVE, EQUIVALENT)


@dataclass(frozen=True)
class Margins:
    """What is still equivalent: a fraction, or in the unit of the metric."""

    relative: float
    absolute: float


@dataclass(frozen=True)
class Contrast:
    """How B differs from A in one metric of one case.

    `change` with its 95 % bounds `low` and `high` is a fraction of A where the metric is compared
    relatively, else in its unit; None where there is none. `level_a` and `level_b` are medians.
    `method` says what was compared: pairs of nodes, runs within nodes, runs, or values. `visible`
    is the smallest effect that could have been seen, `more` about how many more runs on each side
    (or nodes, if paired by them) would tell."""

    pair: Pair
    verdict: str
    method: str
    change: float | None
    low: float | None
    high: float | None
    level_a: float
    level_b: float
    visible: float | None
    more: int | None
    reason: str = ""


def contrast(pair: Pair, margins: Margins) -> Contrast:
    """Judges a pair."""
    if pair.better == "equal":
        return _contrast_of_equals(pair)

    relative = pair.comparison != "absolute"
    a, b = pair.a.values, pair.b.values
    level = float(np.median(a))
    factors = relative and bool(np.all(a > 0) and np.all(b > 0))
    if relative and level <= 0:
        return _unjudged(pair, "compared relatively, but A is not above 0")

    margin = margins.relative if relative else margins.absolute
    if factors:
        # Shifts of logarithms are factors: then it does not matter which side is called A.
        scaled, margin = (np.log(a), np.log(b)), math.log1p(margin)
    else:
        scaled = (a / level, b / level) if relative else (a, b)

    shift, method = _shift(pair, *scaled)
    if not shift.bounded:
        return _unjudged(
            pair,
            "too few for 95 %: it takes four runs on each side",
            method,
            _size(shift.estimate, factors),
        )

    found = verdict(shift, margin, pair.better)
    open_ = found == INCONCLUSIVE
    return Contrast(
        pair,
        found,
        method,
        _size(shift.estimate, factors),
        _size(shift.low, factors),
        _size(shift.high, factors),
        level,
        float(np.median(b)),
        _size(smallest_visible(shift, margin), factors) if open_ else None,
        more_needed(shift, margin) if open_ else None,
    )


def _shift(pair: Pair, a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[Shift, str]:
    """The shift by nodes that both sides have, where that keeps at least half of the runs of each;
    else of all runs."""
    ours, theirs = _by_node(pair.a, a), _by_node(pair.b, b)
    common = sorted(ours.keys() & theirs.keys())
    if len(common) >= FEWEST_NODES:
        differences = [np.median(theirs[node]) - np.median(ours[node]) for node in common]
        return paired_shift(np.array(differences)), f"{len(common)} nodes in pairs"

    kept = [sum(len(side[node]) for node in common) for side in (ours, theirs)]
    if common and kept[0] * 2 >= len(a) and kept[1] * 2 >= len(b):
        blocks = [(ours[node], theirs[node]) for node in common]
        method = f"{kept[0]} and {kept[1]} runs on the same node" + "s" * (len(common) > 1)
        return blocked_shift(blocks), method

    return blocked_shift([(a, b)]), f"{len(a)} and {len(b)} runs"


def _by_node(sample: Sample, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    found: dict[str, list[float]] = defaultdict(list)
    for node, value in zip(sample.nodes, values, strict=True):
        if node and "," not in node:
            found[node].append(float(value))

    return {node: np.array(own) for node, own in found.items()}


def _contrast_of_equals(pair: Pair) -> Contrast:
    """A figure that must not change at all may do so only with other software, or on another
    device."""
    if any("," in node for node in (*pair.a.nodes, *pair.b.nodes)):
        return _unjudged(pair, "sums over several nodes may differ in rounding")

    ours, theirs = by_software(pair.a), by_software(pair.b)
    common = ours.keys() & theirs.keys() if pair.same_key else set()
    new = [run for software in common for run in new_values(ours[software], theirs[software])]
    a, b = ([run for runs in side.values() for run in runs] for side in (ours, theirs))
    if new:
        found, reason = WORSE, "with the same software"
        nodes = {node for node, _ in new}
        if nodes < set(pair.b.nodes):
            reason += f", on {folded({node.rpartition(':')[2] for node in nodes})}"
    elif new_values(a, b):
        found, reason = CHANGED, "with other software or another device"
    else:
        found, reason = EQUIVALENT, ""

    level_a, level_b = most_common(a), most_common(new or b)
    return Contrast(
        pair, found, "values", level_b - level_a, None, None, level_a, level_b, None, None, reason
    )


def _unjudged(pair: Pair, reason: str, method: str = "", change: float | None = None) -> Contrast:
    level_a, level_b = float(np.median(pair.a.values)), float(np.median(pair.b.values))
    return Contrast(
        pair, INCONCLUSIVE, method, change, None, None, level_a, level_b, None, None, reason
    )


def _size(shift: float, is_factor: bool) -> float:
    return math.expm1(shift) if is_factor else shift
