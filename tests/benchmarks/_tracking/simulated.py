"""Simulated series: throughputs around 1,000, one value a night."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Array]

LEVEL = 1_000.0
SCALE = 0.02
MEMORY = 0.5
OUTLIERS, LEAST_OUTLIER, MOST_OUTLIER = 0.03, 0.08, 0.25


def gaussian(random: np.random.Generator, nights: int) -> Array:
    """Gaussian noise of 2 %."""
    return SCALE * random.standard_normal(nights)


def outliers(random: np.random.Generator, nights: int) -> Array:
    """Gaussian noise of 2 %, and 3 % of the nights 8 to 25 % slow."""
    slow = random.random(nights) < OUTLIERS
    return gaussian(random, nights) - slow * random.uniform(LEAST_OUTLIER, MOST_OUTLIER, nights)


def heavy_tails(random: np.random.Generator, nights: int) -> Array:
    """Student's t with three degrees of freedom, times 2 %."""
    return np.clip(SCALE * random.standard_t(3, nights), -0.9, 0.9)


def autocorrelated(random: np.random.Generator, nights: int) -> Array:
    """Noise of 2 % of which a night shares half with the one before."""
    shocks = random.standard_normal(nights)
    shocks[1:] *= np.sqrt(1 - MEMORY**2)
    return SCALE * lfilter([1.0], [1.0, -MEMORY], shocks)


NOISES: dict[str, Noise] = {
    "Gaussian": gaussian,
    "3 % slow nights": outliers,
    "heavy tails": heavy_tails,
    "autocorrelated": autocorrelated,
}


def series(noise: Array) -> Array:
    """Throughputs with some noise."""
    return LEVEL * (1 + noise)


def _flipping(share: float) -> Noise:
    def flip(random: np.random.Generator, nights: int) -> Array:
        return np.where(random.random(nights) < share, 0.9 * LEVEL, LEVEL)

    return flip


def _with_gaps(random: np.random.Generator, nights: int) -> Array:
    """Noise of 2 %, of which one in five nights is missing, and one in twenty not a number."""
    fate = random.random(nights)
    values = np.where(fate > 0.95, np.nan, series(gaussian(random, nights)))[fate > 0.2]
    return values[np.isfinite(values)]


#: Series in which nothing changes, although they look odd.
ODD: dict[str, Noise] = {
    "constant": lambda random, nights: np.full(nights, LEVEL * random.random()),
    "accuracy, constant": lambda random, nights: np.full(nights, 0.95),
    "two values, 10 % of one": _flipping(0.1),
    "two values, 30 % of one": _flipping(0.3),
    "two values, half each": _flipping(0.5),
    "gaps and not a number": _with_gaps,
    "three points": lambda random, nights: series(gaussian(random, 3)),
}


def step(nights: int, first: int, change: float) -> Array:
    """Factors: 1, and 1 + `change` from the night `first` on."""
    return np.where(np.arange(nights) < first, 1.0, 1 + change)


def drift(nights: int, first: int, last: int, change: float) -> Array:
    """Factors: 1 up to night `first`, in a straight line to 1 + `change` at `last`, and on."""
    return np.interp(np.arange(nights), [first, last], [1.0, 1 + change])


def spike(nights: int, night: int, change: float) -> Array:
    """Factors: 1, and 1 + `change` on a single night."""
    return np.where(np.arange(nights) == night, 1 + change, 1.0)
