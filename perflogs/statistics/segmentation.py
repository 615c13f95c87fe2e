"""Cuts a series where its distribution changes."""

import numpy as np
from numpy.typing import NDArray
from ruptures import KernelCPD

Array = NDArray[np.float64]

#: No change is seen before it has this many runs behind it.
SHORTEST = 3
#: Of the kernel exp(-GAMMA (x - y)²), for positions in standard deviations of the noise.
GAMMA = 0.5
#: What one more segment has to be worth.
PENALTY = 2.5
# Places that differ by less are the same, so that rounding decides no tie between two cuts; and
# those farther from the middle, which for the kernel are nowhere.
DECIMALS, FARTHEST = 6, 1e6


def segment(places: Array, penalty: float) -> list[int]:
    """Where segments begin (the first with 0), and the length of the series at the end.

    `places` are in standard deviations of the noise. Of all cuts into segments of SHORTEST runs or
    more this is the one with the least sum, over segments, of `penalty` and of the kernel's
    scatter m - (1/m) Σᵢⱼ k(xᵢ, xⱼ) of its m runs (Arlot, Celisse and Harchaoui, 2019); or, in a few
    series of a thousand, one that costs some hundredths more, because the library's search gives a
    cut up before a segment of SHORTEST runs could have been made of what follows."""
    if places.size < 2 * SHORTEST:
        return [0, places.size]
    around = np.clip(places - np.median(places), -FARTHEST, FARTHEST)
    finder = KernelCPD(kernel="rbf", min_size=SHORTEST, params={"gamma": GAMMA})
    return [0, *map(int, finder.fit(np.round(around, DECIMALS)).predict(pen=penalty))]
