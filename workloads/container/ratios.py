"""How two series of paired measurements compare: their ratio, and how sure it is.

The ratio is the geometric mean of the ratios of all pairs. Its interval is Student's for the mean
of paired differences (Jain, The Art of Computer Systems Performance Analysis, Wiley 1991, section
13.4.1), of logarithms, and taken back to ratios (Bland and Altman, BMJ 312, 1996, 1153):

    exp(mean ± t((1 + confidence) / 2, n - 1) × deviation / sqrt(n)),  of ln second - ln first

With logarithms neither series is the base: exchanging them gives the reciprocal. An interval from
ranks needs six pairs for 95 %, and a bootstrap of five is too narrow.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """Second over first, and the ends of its interval."""

    value: float
    low: float
    high: float


def paired_ratio(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Ratio:
    """The ratio of `second` to `first`, which were measured in pairs, at one place each.

    Raises ValueError where there are fewer than two pairs, the series are not equally long, or a
    value is not above 0 and finite.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"two pairs or more are needed, not {len(first)} and {len(second)} values")
    if not all(0 < value < math.inf for value in (*first, *second)):
        raise ValueError(f"only finite values above 0 have ratios: {[*first]}, {[*second]}")
    logarithms = [math.log(b) - math.log(a) for a, b in zip(first, second, strict=True)]
    mean = statistics.fmean(logarithms)
    deviation = statistics.stdev(logarithms)
    quantile = float(stdtrit(len(logarithms) - 1, (1 + confidence) / 2))
    half = quantile * deviation / math.sqrt(len(logarithms))
    return Ratio(math.exp(mean), math.exp(mean - half), math.exp(mean + half))
