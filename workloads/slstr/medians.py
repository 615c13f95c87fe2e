"""Exact medians of many values without sorting them, compiled.

Values are counted in narrow bins of equal width. The bins say where the middle lies, so that only
the few values of those bins have to be put in order.
"""

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

Values = NDArray[np.float32]

_BINS = 65_536
# The machine code is made when the module is loaded for the first time.
_VALUES = types.Array(types.float32, 1, "C")
_FOLDING = (types.float64, types.boolean)
_SCALING = (types.float64, types.float64)


def median(values: Values) -> float:
    """The median of `values`; of an even number of them the mean of the middle two.

    Raises ValueError where there are none, or one is not finite.
    """
    return _middle(values, 0.0, False, float(values.min()), float(values.max()))


def median_absolute_deviation(values: Values, centre: float) -> float:
    """The median of the distances of `values` from a finite `centre`, computed in float64.

    Raises ValueError where there are none, or one is not finite.
    """
    furthest = max(float(values.max()) - centre, centre - float(values.min()))
    return _middle(values, centre, True, 0.0, furthest)


def _middle(values: Values, centre: float, folded: bool, least: float, largest: float) -> float:
    """The median of what `_place` makes of the values, all of it between `least` and `largest`."""
    if not math.isfinite(largest - least):
        raise ValueError("there is no median of values that are not finite")
    if least == largest:
        return least
    scale = (_BINS - 1) / (largest - least)
    counts = np.zeros(_BINS, np.int64)
    _count(values, centre, folded, least, scale, counts)
    through = np.cumsum(counts)
    ranks = np.array([(values.size - 1) // 2, values.size // 2])
    first, last = np.searchsorted(through, ranks, side="right")
    before = through[first] - counts[first]
    near = np.empty(through[last] - before)
    _take(values, centre, folded, least, scale, first, last, near)
    ranks -= before
    lower, upper = np.partition(near, ranks)[ranks]
    return float(lower + upper) / 2.0


@njit(inline="always")
def _place(value, centre, folded):
    offset = np.float64(value) - centre
    return abs(offset) if folded else offset


@njit(
    types.void(_VALUES, *_FOLDING, *_SCALING, types.Array(types.int64, 1, "C")),
    cache=True,
)
def _count(values, centre, folded, least, scale, counts):
    for value in values:
        counts[int((_place(value, centre, folded) - least) * scale)] += 1


@njit(
    types.void(
        _VALUES,
        *_FOLDING,
        *_SCALING,
        *(types.int64, types.int64),
        types.Array(types.float64, 1, "C"),
    ),
    cache=True,
)
def _take(values, centre, folded, least, scale, first, last, near):
    taken = 0
    for value in values:
        place = _place(value, centre, folded)
        if first <= int((place - least) * scale) <= last:
            near[taken] = place
            taken += 1
