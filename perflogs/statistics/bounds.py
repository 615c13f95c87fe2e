"""Reference value and bounds from the runs of one level: how far one more run may fall from them.

The bound is that of a prediction interval for one new run after n runs of a normal distribution
(Hahn and Meeker, Statistical Intervals, Wiley 1991, section 4.3), with the median for the mean and
Qn for the standard deviation, so that a few slow nights do not widen it:

    median ± t(1 - rate, 0.7 (n - 1)) × Qn × sqrt(1 + π / (2 n))

π / (2 n) is the variance of the median of n runs in units of the variance of one. Qn (Rousseeuw and
Croux, Journal of the American Statistical Association 88, 1993, 1273) loses 18 % against the
standard deviation where n is large, and more where it is small: with 0.7 (n - 1) degrees of freedom
the share of new runs beyond the bound was 0.8 to 1.4 times the rate in simulations of 10 to 60
Gaussian runs, for rates of 0.01 and 0.001, and up to 1.9 times for 0.0001."""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]

#: Fewer runs say too little about their scatter for any rate to hold.
FEWEST_RUNS = 10
#: Of more runs, so many in equal steps from the least to the greatest show their scatter as well.
MOST_RUNS = 2000
#: No bound is tighter: what has hardly varied so far has not shown how it varies.
FLOOR = 0.01
#: The same for what must not change at all: what rounding in a record may do.
EQUAL_FLOOR = 1e-6
# Of the runs themselves, and one more: the share beyond a bound from which it does not describe
# them, as where they jump between two levels.
_TOO_MANY = 0.1
_QN_CONSISTENCY = 2.21914
_VALUE_DIGITS, _BOUND_DIGITS = 6, 3
# What is left over by binary fractions is not to be rounded up.
_EXACT = Context(prec=12)


class CannotBound(ValueError):
    """Runs that no bounds can be given for; the message says why."""


@dataclass(frozen=True)
class Bounds:
    """A reference value and its bounds, fractions of its magnitude as ReFrame takes them: `lower`
    is 0 or less, `upper` 0 or more, None is no bound."""

    value: float
    lower: float | None
    upper: float | None

    @property
    def least(self) -> float:
        """The least value that passes."""
        return -math.inf if self.lower is None else self.value + abs(self.value) * self.lower

    @property
    def greatest(self) -> float:
        """The greatest value that passes."""
        return math.inf if self.upper is None else self.value + abs(self.value) * self.upper


def qn(values: Array) -> float:
    """The scatter of single runs, in their unit: for normal noise its standard deviation.

    The quarter of all differences between two runs that is smallest, and the greatest of it, made
    consistent for normal noise, also for few runs (Croux and Rousseeuw, Computational Statistics 1,
    1992, 411). Half of the runs may be anything. Takes 10 runs or more."""
    if len(values) > MOST_RUNS:
        values = np.sort(values)[np.linspace(0, len(values) - 1, MOST_RUNS).astype(int)]
    n = len(values)
    half = n // 2 + 1
    rank = half * (half - 1) // 2
    first, second = np.triu_indices(n, 1)
    differences = np.partition(np.abs(values[first] - values[second]), rank - 1)
    few = n / (n + 1.4) if n % 2 else n / (n + 3.8)
    return float(_QN_CONSISTENCY * few * differences[rank - 1])


def reach(values: Array, rate: float) -> float:
    """How far to one side of the median of `values` one more run falls with probability 1 - `rate`
    at most, in their unit."""
    n = len(values)
    factor = stats.t.ppf(1 - rate, 0.7 * (n - 1)) * math.sqrt(1 + math.pi / (2 * n))
    return float(factor * qn(values))


def bounds(values: Array, better: str, rate: float) -> Bounds:
    """Reference value and bounds from the runs of one level, oldest first or not, all finite.

    `rate` is how often a sound run may miss them: on the worse side where `better` is "higher" or
    "lower", on both sides together where it is "equal". Rounding never loosens a bound; what must
    not change at all keeps all its digits. Raises CannotBound."""
    if len(values) < FEWEST_RUNS:
        raise CannotBound(f"{len(values)} runs, and {FEWEST_RUNS} are needed")

    median = float(np.median(values))
    if median == 0:
        raise CannotBound("its median is 0, and bounds are fractions of it")

    is_equal = better == "equal"
    fraction = reach(values, rate / 2 if is_equal else rate) / abs(median)
    bound = max(EQUAL_FLOOR if is_equal else FLOOR, _rounded(fraction, _BOUND_DIGITS, ROUND_DOWN))
    found = Bounds(
        _rounded_to_the_better(median, better),
        None if better == "lower" else -bound,
        None if better == "higher" else bound,
    )
    _require_possible(found)
    beyond = int(np.sum((values < found.least) | (values > found.greatest)))
    if beyond > 1 + _TOO_MANY * len(values):
        raise CannotBound(
            f"{beyond} of its own {len(values)} runs are beyond such bounds: it has several levels"
        )

    return found


def _require_possible(found: Bounds) -> None:
    # ReFrame takes no lower bound under -1, and no upper one above 1 where the value is negative.
    most = math.inf if found.value > 0 else 1.0
    if (found.lower or 0) < -1 or (found.upper or 0) > most:
        raise CannotBound("its scatter is wider than its value, of which bounds are fractions")


def _rounded_to_the_better(value: float, better: str) -> float:
    rounding = {"higher": ROUND_CEILING, "lower": ROUND_FLOOR}.get(better)
    return value if rounding is None else _rounded(value, _VALUE_DIGITS, rounding)


def _rounded(value: float, digits: int, rounding: str) -> float:
    exact = _EXACT.create_decimal(repr(value))
    return float(Context(prec=digits, rounding=rounding).plus(exact) if exact else Decimal(0))
