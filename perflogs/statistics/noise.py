"""The noise of a series: its scale, its memory, and how often a run strays how far."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Makes a median absolute deviation the standard deviation, where the noise is Gaussian.
GAUSSIAN = 1.4826
#: A change of the smallest size that counts is four standard deviations of a series without noise.
SMALLEST_IN_SCALES = 4.0
#: Differences beyond this many of their standard deviations are outliers and steps, not noise.
LARGE_DIFFERENCE = 3.0
#: Runs without memory that are assumed beside those of a series.
MEMORYLESS_RUNS = 10
#: Runs within this many standard deviations of a level count fully for it (Huber's 1.345 keeps
#: 95 % of the efficiency of a mean).
CLIP_LEVEL = 1.345
MOST_AUTOCORRELATION = 0.9


def scale(positions: Array, smallest: float) -> float:
    """The standard deviation of single runs, from the median absolute deviation of successive
    differences: steps and drifts hardly move it. Not below a quarter of the `smallest` change
    that counts, which a series without any noise has."""
    floor = smallest / SMALLEST_IN_SCALES
    if positions.size < 3:
        return floor
    differences = np.diff(positions)
    deviation = np.median(np.abs(differences - np.median(differences)))
    return max(float(GAUSSIAN * deviation / np.sqrt(2)), floor)


def autocorrelation(positions: Array, deviation: float) -> float:
    """How much of a run's deviation the next one shares, between 0 and MOST_AUTOCORRELATION.

    For an autoregressive process of first order the lag-1 autocorrelation r of its differences is
    -(1 - φ) / 2. Large differences are left out, so that neither steps nor outliers count as
    memory; how large the others are, only runs tell that differ: a series that comes to a stop had
    no memory before. Runs without memory are assumed beside those of the series. An estimate within
    1.5 of its standard errors, √(2/n), counts for nothing, and one beyond 2.5 of them in full, with
    a quarter of one on top: to think too little of it would raise false alerts."""
    if positions.size < 2:
        return 0.0
    differences = np.diff(positions)
    moves = np.abs(differences[differences != 0])
    spread = max(deviation, GAUSSIAN * float(np.median(moves)) / np.sqrt(2) if moves.size else 0.0)
    differences /= np.sqrt(2) * spread
    differences[np.abs(differences) > LARGE_DIFFERENCE] = 0.0
    energy = float(differences @ differences) + MEMORYLESS_RUNS
    lag_one = float(differences[1:] @ differences[:-1]) - MEMORYLESS_RUNS / 2
    memory = 1 + 2 * lag_one / energy
    error = np.sqrt(2 / positions.size)
    share = np.clip(memory / error - 1.5, 0.0, 1.0)
    return float(np.clip((memory + error / 4) * share, 0.0, MOST_AUTOCORRELATION))


def inflation(memory: float) -> float:
    """By how much autocorrelation φ raises the variance of a mean: (1 + φ) / (1 - φ)."""
    return (1 + memory) / (1 - memory)


def level(positions: Array, deviation: float) -> float:
    """Huber's estimate of location: two of its steps from the median."""
    place = float(np.median(positions))
    bound = CLIP_LEVEL * deviation
    for _ in range(2):
        strays = positions - place
        inside = float(np.mean(np.abs(strays) <= bound))
        place += float(np.clip(strays, -bound, bound).mean()) / max(inside, 0.5)
    return place


def log_likelihood(residuals: Array, deviation: float) -> float:
    """How well residuals explain each other: the sum of the logarithms of the density at each.

    The density (in `deviation`s, but for a constant) is a kernel estimate from these residuals and
    a few of Gaussian noise: what a series often does, like slow nights or a second value, is to be
    expected of it."""
    places = np.clip(residuals / deviation, -FARTHEST, FARTHEST)
    bins, counts = np.unique(np.rint(places / STEP).astype(np.int64), return_counts=True)
    apart = np.minimum(np.abs(bins[:, None] - bins), _KERNEL.size - 1)
    seen = _KERNEL[apart] @ counts + GAUSSIAN_RUNS * np.exp(-0.5 * (STEP * bins) ** 2)
    return float(counts @ np.log(seen))


#: In standard deviations: how finely densities are learned, and how far out. Farther is all alike.
STEP, FARTHEST = 0.1, 1e6
BANDWIDTH = 0.5
#: Runs with Gaussian noise that a density assumes to have seen beside those of the series.
GAUSSIAN_RUNS = 10
# By the distance in steps; its last value stands for all beyond.
_KERNEL = np.exp(-0.5 * (STEP * np.arange(100) / BANDWIDTH) ** 2) / BANDWIDTH
