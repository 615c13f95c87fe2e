"""Count, mean and variance of channels, compiled: what a network is normalised with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Of each channel, float64 (channels,): how many pixels are filled, their mean and variance.

    Mean and variance are 0 where no pixel is filled.
    """

    counts: Vector
    means: Vector
    variances: Vector


def moments_of(planes: Sequence[NDArray[np.float32]]) -> Moments:
    """The moments of `planes` (rows, columns), one for each channel, in which NaN is not filled."""
    rows = np.array([_moments(plane) for plane in planes])
    return Moments(*rows.T)


def pooled(parts: list[Moments]) -> Moments:
    """The moments of several sets of pixels together.

    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The American
    Statistician 37 (1983): the squares of each part about its own mean, plus those of the means.
    """
    counts = np.sum([part.counts for part in parts], axis=0)
    safe = np.maximum(counts, 1.0)
    means = np.sum([part.counts * part.means for part in parts], axis=0) / safe
    squares = [part.counts * (part.variances + (part.means - means) ** 2) for part in parts]
    return Moments(counts, means, np.sum(squares, axis=0) / safe)


@njit([types.UniTuple(types.float64, 3)(types.Array(types.float32, 2, "C"))], cache=True)
def _moments(plane):
    count, total, squares = 0, 0.0, 0.0
    # About a value near the mean: temperatures vary little beside what they are.
    origin = 0.0
    for row in range(plane.shape[0]):
        for column in range(plane.shape[1]):
            value = np.float64(plane[row, column])
            if value == value:
                if count == 0:
                    origin = value
                count += 1
                total += value - origin
                squares += (value - origin) ** 2
    if count == 0:
        return 0.0, 0.0, 0.0
    mean = total / count
    return np.float64(count), origin + mean, squares / count - mean**2
