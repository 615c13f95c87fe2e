"""How far extracted skylines are from annotated ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR_PIXELS = 3


@dataclass(frozen=True)
class Score:
    """Sums over the columns of annotated photographs; scores add up."""

    photographs: int = 0
    columns: int = 0
    error: float = 0.0
    near: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(
            self.photographs + other.photographs,
            self.columns + other.columns,
            self.error + other.error,
            self.near + other.near,
        )

    @property
    def mean_absolute_error(self) -> float:
        """Mean distance in pixels over all columns."""
        return self.error / self.columns

    @property
    def share_near(self) -> float:
        """Share of columns whose distance is at most NEAR_PIXELS."""
        return self.near / self.columns


def score(skyline: NDArray[np.int64], annotated: NDArray[np.float64]) -> Score:
    """Compare the skyline (width,) of one photograph with its annotation (width,)."""
    distance = np.abs(skyline - annotated)
    near = int(np.count_nonzero(distance <= NEAR_PIXELS))
    return Score(1, len(distance), float(distance.sum()), near)
