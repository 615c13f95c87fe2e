"""Satellite against buoy: how far sea-surface temperatures are off, and what a cloud mask mends."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import RunFailed
from workloads.slstr.medians import Values, median, median_absolute_deviation

# Of a normal distribution the standard deviation is that many median absolute deviations.
_NORMAL_DEVIATIONS = 1.4826


@dataclass(frozen=True)
class Difference:
    """Satellite minus buoy over `number` match-ups: median and robust standard deviation, K."""

    number: int
    median: float
    robust_deviation: float


@dataclass(frozen=True)
class Comparison:
    """Satellite minus buoy in K, (match-ups,), by group, and what these values come to.

    The groups are all match-ups, those that the network calls clear, and those that the operational
    mask calls clear.
    """

    values: dict[str, Values]
    differences: dict[str, Difference]


def compare(
    satellite: Values,
    buoy: Values,
    network_clear: NDArray[np.bool_],
    operational_clear: NDArray[np.bool_],
) -> Comparison:
    """Compare finite temperatures in K; all arrays are (match-ups,), of one match-up or more.

    Raises RunFailed where a mask calls none of them clear: it has no bias then.
    """
    everything = satellite - buoy
    values = {"all": everything}
    for group, clear in (("network", network_clear), ("operational", operational_clear)):
        # Several times faster than by the flags themselves, which are hard to predict.
        values[group] = everything[np.flatnonzero(clear)]
        if not values[group].size:
            raise RunFailed(f"none of {clear.size} match-ups is clear by the {group} mask")
    return Comparison(values, {group: describe(part) for group, part in values.items()})


def describe(values: Values) -> Difference:
    """The median of `values`, and 1.4826 times their median absolute deviation from it.

    This robust standard deviation is that of Rousseeuw and Croux, "Alternatives to the Median
    Absolute Deviation", Journal of the American Statistical Association 88 (1993).
    """
    middle = median(values)
    deviation = _NORMAL_DEVIATIONS * median_absolute_deviation(values, middle)
    return Difference(values.size, middle, deviation)
