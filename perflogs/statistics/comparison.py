"""Compares two samples: by how much they are apart, how surely, and what that means.

The estimates are those of Hodges and Lehmann with their distribution-free intervals (Hollander,
Wolfe and Chicken, Nonparametric Statistical Methods, 3rd edition, sections 3.2, 3.3, 4.2, 4.3)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
WORSE, BETTER, CHANGED = "worse", "better", "changed"
EQUIVALENT, INCONCLUSIVE = "equivalent", "inconclusive"
# Beyond these sizes the normal approximation is within a fraction of one order statistic.
_EXACT_PAIRS, _EXACT_PRODUCTS = 40, 400


@dataclass(frozen=True)
class Shift:
    """By how much B is above A, with an interval of 95 % confidence or slightly more; the interval
    is unbounded where there are too few values for that. `size` is what its width depends on: the
    number of pairs, or the harmonic mean of the numbers of values."""

    estimate: float
    low: float
    high: float
    size: float

    @property
    def bounded(self) -> bool:
        """Whether there were enough values for an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)


def paired_shift(differences: Floats) -> Shift:
    """The shift of pairs from their differences B minus A: the median of the means of all pairs of
    differences (each with itself too), between order statistics of these means that the signed
    rank statistic gives. It needs six pairs for an interval."""
    count = len(differences)
    rows, columns = np.triu_indices(count)
    means = np.sort((differences[rows] + differences[columns]) / 2)
    if count <= _EXACT_PAIRS:
        below = _below(_signed_rank(count))
    else:
        below = _below_normal(len(means), count * (count + 1) * (2 * count + 1) / 24)

    return _shift(means, below, count)


def blocked_shift(blocks: Sequence[tuple[Floats, Floats]]) -> Shift:
    """The shift of independent values from blocks (A, B) within which they are comparable, such as
    those of one node: the median of all differences B minus A within a block, between order
    statistics of these that the sum of the blocks' rank sum statistics gives. One block makes two
    ordinary samples; these need four values each for an interval."""
    differences = np.sort(np.concatenate([np.subtract.outer(b, a).ravel() for a, b in blocks]))
    sizes = [(len(a), len(b)) for a, b in blocks]
    if len(differences) <= _EXACT_PRODUCTS:
        distribution = np.ones(1)
        for a, b in sizes:
            distribution = np.convolve(distribution, _rank_sum(min(a, b), max(a, b)))

        below = _below(distribution)
    else:
        variance = sum(a * b * (a + b + 1) / 12 for a, b in sizes)
        below = _below_normal(len(differences), variance)

    return _shift(differences, below, sum(2 * a * b / (a + b) for a, b in sizes))


def verdict(shift: Shift, margin: float, better: str) -> str:
    """What a shift means.

    `worse`: the whole interval is on the worse side of 0, and the estimate is beyond the margin.
    `better` is its mirror image, and `changed` either where no direction is better. `equivalent`:
    the whole interval lies within the margin, its ends included. Anything else is
    `inconclusive`."""
    if not shift.bounded:
        return INCONCLUSIVE

    if -margin <= shift.low and shift.high <= margin:
        return EQUIVALENT

    surely = (shift.low > 0 or shift.high < 0) and abs(shift.estimate) > margin
    if not surely:
        return INCONCLUSIVE

    if better not in ("higher", "lower"):
        return CHANGED

    return BETTER if (shift.estimate > 0) == (better == "higher") else WORSE


def smallest_visible(shift: Shift, margin: float) -> float:
    """The smallest effect that could have been seen: half the width of the interval, or the margin
    where that is more."""
    return max((shift.high - shift.low) / 2, margin)


def more_needed(shift: Shift, margin: float) -> int | None:
    """About how many more values (on each side), or pairs, would have been conclusive, for a width
    that shrinks with the square root of their number; None where no number would tell.

    Half the width has to be less than the estimate where that is beyond the margin, else than what
    the estimate leaves of the margin (a quarter of the margin at least)."""
    size = abs(shift.estimate)
    target = size if size > margin else max(margin - size, margin / 4)
    if not shift.bounded or target <= 0:
        return None

    half = (shift.high - shift.low) / 2
    return max(math.ceil(shift.size * ((half / target) ** 2 - 1)), 1)


def _shift(ordered: Floats, below: int, size: float) -> Shift:
    """`below` order statistics at either end lie outside of the interval; -1 if all must."""
    estimate = float(np.median(ordered))
    if below < 0:
        return Shift(estimate, -math.inf, math.inf, size)

    return Shift(estimate, float(ordered[below]), float(ordered[-1 - below]), size)


def _below(distribution: Floats) -> int:
    """The largest number that the statistic does not exceed with half of what confidence leaves;
    -1 where even its smallest value is more likely than that."""
    cumulative = np.cumsum(distribution)
    # Probabilities such as 0.025 itself are made by sums that round.
    return int(np.searchsorted(cumulative, (1 - CONFIDENCE) / 2 + 1e-12, side="right")) - 1


def _below_normal(count: int, variance: float) -> int:
    quantile = float(norm.ppf((1 + CONFIDENCE) / 2))
    return max(math.floor(count / 2 - 0.5 - quantile * math.sqrt(variance)), -1)


@lru_cache(maxsize=256)
def _signed_rank(count: int) -> Floats:
    """The probabilities of the signed rank statistic's values 0, 1, ... of so many differences."""
    distribution = np.ones(1)
    for rank in range(1, count + 1):
        longer = np.zeros(len(distribution) + rank)
        longer[: len(distribution)] = distribution
        longer[rank:] += distribution
        distribution = longer / 2

    return distribution


@lru_cache(maxsize=256)
def _rank_sum(a: int, b: int) -> Floats:
    """The probabilities of the rank sum statistic's values 0, ... a·b of samples of a and b."""
    counts = [1] + [0] * (a * b)
    for step in range(1, a + 1):
        # From a Gaussian binomial coefficient to the next: times (1 - q^(b+step)) / (1 - q^step).
        for value in range(a * b, b + step - 1, -1):
            counts[value] -= counts[value - b - step]

        for value in range(step, a * b + 1):
            counts[value] += counts[value - step]

    total = math.comb(a + b, a)
    return np.array([count / total for count in counts])
