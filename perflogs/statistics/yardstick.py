"""What a metric's differences are measured in, and the smallest that counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: As a fraction of the level, for metrics that are compared relatively.
SMALLEST_RELATIVE = 0.02
#: In the unit of the metric, for those compared absolutely: half a percentage point of an accuracy.
SMALLEST_ABSOLUTE = 0.005
#: No position is farther out: what a garbled figure says has no end.
FARTHEST = 1e300
#: Of what must not change at all: what rounding in a log may do, as a fraction of the values.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Yardstick:
    """Turns values into positions on a line where equal differences mean equally much, and back.

    A relative metric is measured by its logarithm, so that neither its unit nor whether a rate or
    its time is recorded makes a difference. `smallest` is the smallest difference of positions
    that counts."""

    logarithmic: bool
    relative: bool
    smallest: float
    unit: float = 1.0

    def positions(self, values: Array) -> Array:
        """The positions of values in the unit of the metric."""
        if self.logarithmic:
            return np.log(values) - np.log(self.unit)
        return np.clip(values / self.unit, -FARTHEST, FARTHEST)

    def value(self, position: float) -> float:
        """The value at a position."""
        if self.logarithmic:
            return float(np.exp(position + np.log(self.unit)))
        return float(self.unit * position)

    def difference(self, before: float, distance: float) -> float:
        """What it means to go some distance from the position `before`: a fraction of the value
        there where the metric is compared relatively, else in its unit."""
        if self.logarithmic:
            return float(np.expm1(distance))
        if not self.relative:
            return distance * self.unit
        return distance / abs(before) if before else float(np.copysign(np.inf, distance))

    def scatter(self, position: float, deviation: float) -> float:
        """A standard deviation of positions around one, in the terms of `difference`."""
        if self.relative and not self.logarithmic and not position:
            return 0.0
        return deviation if self.logarithmic else abs(self.difference(position, deviation))


def yardstick(values: Array, better: str, comparison: str) -> Yardstick:
    """The yardstick of a series.

    Relative series with a value that is not positive have no logarithms: they are measured in
    units of their median magnitude."""
    relative = comparison != "absolute"
    if relative and values.size and values.min() > 0:
        smallest = ROUNDING if better == "equal" else float(np.log1p(SMALLEST_RELATIVE))
        return Yardstick(True, relative, smallest, float(np.median(values)))
    magnitude = _magnitude(values)
    if relative:
        smallest = ROUNDING if better == "equal" else SMALLEST_RELATIVE
        return Yardstick(False, relative, smallest, magnitude)
    if better == "equal":
        return Yardstick(False, relative, ROUNDING, magnitude)
    return Yardstick(False, relative, SMALLEST_ABSOLUTE)


def _magnitude(values: Array) -> float:
    magnitudes = np.abs(values[values != 0])
    return float(np.median(magnitudes)) if magnitudes.size else 1.0
