"""Judges pairs of samples: by how much B differs from A, and what that means."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    if relative and not (np.all(a > 0) and np.all(b > 0)):
        return _unjudged(pair, "compared relatively, but not all figures are above 0")

    # Shifts of logarithms are factors: then it does not matter which side is called A.
    scaled = (np.log(a), np.log(b)) if relative else (a, b)
    margin = math.log1p(margins.relative) if relative else margins.absolute
    shift, method = _shift(pair, *scaled)
    if not shift.bounded:
        return _unjudged(
            pair,
            "too few for 95 %: it takes four runs on each side",
            method,
            _size(shift.estimate, relative),
        )

    found = verdict(shift, margin, pair.better)
    open_ = found == INCONCLUSIVE
    return Contrast(
        pair,
        found,
        method,
        _size(shift.estimate, relative),
        _size(shift.low, relative),
        _size(shift.high, relative),
        float(np.median(a)),
        float(np.median(b)),
        _size(smallest_visible(shift, margin), relative) if open_ else None,
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

    a, b = (set(zip(each.software, each.values.tolist(), strict=True)) for each in (pair.a, pair.b))
    same_values = {value for _, value in a} == {value for _, value in b}
    comparable = {software for software, _ in a} & {software for software, _ in b}
    of_a, of_b = ({each for each in side if each[0] in comparable} for side in (a, b))
    if not pair.same_key:
        of_a = of_b = set()

    found = EQUIVALENT if same_values else CHANGED if of_a == of_b else WORSE
    level_a, level_b = _most_common(pair.a), _most_common(pair.b)
    reason = {
        EQUIVALENT: "",
        WORSE: "with the same software",
        CHANGED: "with other software or another device",
    }[found]
    return Contrast(
        pair, found, "values", level_b - level_a, None, None, level_a, level_b, None, None, reason
    )


def _most_common(sample: Sample) -> float:
    return Counter(sample.values.tolist()).most_common(1)[0][0]


def _unjudged(pair: Pair, reason: str, method: str = "", change: float | None = None) -> Contrast:
    level_a, level_b = float(np.median(pair.a.values)), float(np.median(pair.b.values))
    return Contrast(
        pair, INCONCLUSIVE, method, change, None, None, level_a, level_b, None, None, reason
    )


def _size(shift: float, relative: bool) -> float:
    return math.expm1(shift) if relative else shift
