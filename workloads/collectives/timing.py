"""Times of all-reduces, and the bandwidths that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GIGA = 1e9


@dataclass(frozen=True)
class Timing:
    """Seconds of one all-reduce of `bytes` in `tensors` tensors over `replicas`: each call gives
    the mean of its repetitions, the median and the 99th percentile are over calls."""

    name: str
    bytes: int
    tensors: int
    replicas: int
    seconds_median: float
    seconds_99th_percentile: float

    @property
    def algorithm_bandwidth(self) -> float:
        """GB/s: the bytes of a replica, once, over the median time."""
        return self.bytes / self.seconds_median / GIGA

    @property
    def bus_bandwidth(self) -> float:
        """GB/s that each link carries whatever the number of replicas n: 2(n - 1)/n of the
        algorithm bandwidth, as in nccl-tests (its doc/PERFORMANCE.md, "Bus Bandwidth")."""
        return self.algorithm_bandwidth * 2 * (self.replicas - 1) / self.replicas


def timing_of(
    name: str, lengths: Sequence[int], bytes_: int, replicas: int, seconds: Sequence[float]
) -> Timing:
    """The timing from the `seconds` of one all-reduce in each call."""
    return Timing(
        name=name,
        bytes=bytes_,
        tensors=len(lengths),
        replicas=replicas,
        seconds_median=float(np.median(seconds)),
        seconds_99th_percentile=float(np.percentile(seconds, 99)),
    )
