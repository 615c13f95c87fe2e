"""Which changes of level are there beyond doubt."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perflogs.statistics.noise import level, log_likelihood

Array = NDArray[np.float64]

#: What a change must score (`evidence`, in standard deviations) to be confirmed, by the number of
#: runs behind it; between these in proportion.
CRITICAL = {3: 4.5, 5: 4.3, 10: 4.2, 20: 4.8, 40: 5.3}
#: In standard deviations: from the first on the odds for a change grow with its distance, up to the
#: second. A series that never strayed as far is less and less likely to go to and fro that much.
FAR, FARTHEST = 5.0, 100.0


def critical(age: int) -> float:
    """What a change must score when it is so many runs old.

    There are more chances for three or four runs to be alike than for ten. And a true change gains
    evidence with every run: one that has little after many could have been found on as many nights
    and was not; it is chance, and would come and go."""
    return float(np.interp(age, list(CRITICAL), list(CRITICAL.values())))


def evidence(
    positions: Array, strays: Array, groups: tuple[slice, slice], deviation: float, inflation: float
) -> float:
    """How much better two groups of runs are explained by two levels than by one.

    `strays` are what is left of all positions when each has the level of its own segment taken off.
    The evidence is the square root of twice the logarithm of the likelihood ratio, divided by
    `inflation` for runs that share their noise: for Gaussian noise this is nearly the distance of
    the means in its standard errors. One level or two, the noise is learned from what is left of
    the whole series: three slow nights in a row say less where slow nights are common, or where
    few nights are known at all, unless they are FAR off as no other was."""
    runs = np.r_[groups]
    together = strays.copy()
    joined = -math.inf
    for group in (*groups, runs):
        together[runs] = positions[runs] - level(positions[group], deviation)
        joined = max(joined, log_likelihood(together, deviation))
    ratio = log_likelihood(strays, deviation) - joined
    ratio += _odds(positions, strays, groups, deviation)
    return math.sqrt(2 * max(ratio, 0.0) / inflation)


def _odds(positions: Array, strays: Array, groups: tuple[slice, slice], deviation: float) -> float:
    """What the distance of two groups of runs says for a change: a logarithm, zero or more."""
    first, second = (level(positions[group], deviation) for group in groups)
    distance = abs(second - first)
    if 2 * np.abs(strays).max() >= distance:
        return 0.0
    return math.log(min(max(distance / deviation, FAR), FARTHEST) / FAR)


def confirmed(
    positions: Array, cuts: Sequence[int], smallest: float, deviation: float, inflation: float
) -> list[int]:
    """The cuts that stay when neighbouring segments which hardly differ have been joined.

    They differ when their levels are `smallest` or more apart, and the evidence for it is critical;
    the least of all differences is removed first, and the rest are weighed again."""
    kept = list(cuts)
    while len(kept) > 2:
        strays = residuals(positions, kept, deviation)
        levels = [positions[start] - strays[start] for start in kept[:-1]]
        groups = [slice(*each) for each in pairwise(kept)]
        weights = [
            min(
                abs(after - before) / smallest,
                evidence(positions, strays, pair, deviation, inflation)
                / critical(positions.size - pair[1].start),
            )
            for (before, after), pair in zip(pairwise(levels), pairwise(groups), strict=True)
        ]
        least = int(np.argmin(weights))
        if weights[least] >= 1:
            break
        del kept[least + 1]
    return kept


def residuals(positions: Array, cuts: Sequence[int], deviation: float) -> Array:
    """What is left of the positions when each has the level of its segment taken off."""
    levels = [level(positions[a:b], deviation) for a, b in pairwise(cuts)]
    return positions - np.repeat(levels, np.diff(cuts))
