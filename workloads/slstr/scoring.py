"""How well cloud masks agree with the flags, or with the truth: counts of pixels, which add up."""

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.slstr.product import UNFILLED

CLOUD = 1


@dataclass(frozen=True)
class Confusion:
    """Pixels that were judged, those masked as cloud, those that are cloud, and those of both."""

    pixels: int = 0
    masked: int = 0
    cloudy: int = 0
    hits: int = 0

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are masked rightly."""
        return (self.pixels - self.masked - self.cloudy + 2 * self.hits) / self.pixels

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of cloud; 0 where there is none in either."""
        return 2 * self.hits / max(self.masked + self.cloudy, 1)

    @property
    def iou(self) -> float:
        """Cloud in both over cloud in either; 0 where there is none."""
        return self.hits / max(self.masked + self.cloudy - self.hits, 1)


def compare(mask: NDArray[np.uint8], reference: NDArray[np.uint8] | None) -> Confusion:
    """Compare masks (rows, columns) at pixels that `reference` judges; None judges none."""
    if reference is None:
        return Confusion()
    masked = (mask == CLOUD) & (reference != UNFILLED)
    cloudy = reference == CLOUD
    counts = (reference != UNFILLED, masked, cloudy, masked & cloudy)
    return Confusion(*(int(np.count_nonzero(each)) for each in counts))
