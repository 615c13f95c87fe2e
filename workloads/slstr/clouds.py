"""Two layers of cloud of fractal optical depth: low ones of water and high ones of ice."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal

# What counts as cloud: about the thinnest that passive imagers detect with any certainty (Ackerman
# et al. 2008 found 0.4 for MODIS over land, less over the sea).
CLOUDY = 0.3
# Two thirds of the Earth are covered by cloud (ISCCP); scenes chosen for the sea's temperature
# have less. The cover of each layer is drawn for each scene in these ranges.
_LOW_COVER = (0.08, 0.65)
_HIGH_COVER = (0.02, 0.40)
# Optical depth grows by such a factor, as a logarithm, with each deviation of the fractal field,
# up to a limit: water cloud soon gets thick, ice stays thin (the medians of ISCCP are 4 and 1.5).
_LOW_GROWTH, _LOW_MOST = (3.8, 5.8), 60.0
_HIGH_GROWTH, _HIGH_MOST = (2.8, 4.4), 12.0


@dataclass(frozen=True)
class Clouds:
    """Optical depths at 0.55 µm and heights of the tops in km, each (rows, columns)."""

    low: Field
    high: Field
    low_top: Field
    high_top: Field

    @property
    def depth(self) -> Field:
        """Optical depth of both layers together."""
        return self.low + self.high

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Where there is cloud."""
        return self.depth >= CLOUDY


def draw_clouds(rng: np.random.Generator, rows: int, columns: int) -> Clouds:
    """Draw both layers of one scene."""
    low = fractal(
        rng, rows, columns, float(rng.uniform(1.3, 1.7)), longest=float(rng.uniform(40.0, 250.0))
    )
    # Ice is drawn out by the wind: smoother than water cloud, and in streaks.
    high = fractal(
        rng,
        rows,
        columns,
        float(rng.uniform(1.6, 2.0)),
        stretch=float(rng.choice([0.4, 1.0, 2.5])),
        longest=float(rng.uniform(100.0, 350.0)),
    )
    low_top = rng.uniform(0.8, 2.2) + 0.35 * low
    high_top = rng.uniform(8.0, 12.0) + 0.4 * high
    return Clouds(
        low=_depth(rng, low, _LOW_COVER, _LOW_GROWTH, _LOW_MOST),
        high=_depth(rng, high, _HIGH_COVER, _HIGH_GROWTH, _HIGH_MOST),
        low_top=np.clip(low_top, 0.4, 4.0).astype(np.float32),
        high_top=np.clip(high_top, 6.0, 14.0).astype(np.float32),
    )


def _depth(
    rng: np.random.Generator,
    field: Field,
    cover: tuple[float, float],
    growth: tuple[float, float],
    most: float,
) -> Field:
    """Optical depth that reaches CLOUDY over a share of the scene drawn from `cover`."""
    edge = NormalDist().inv_cdf(1.0 - float(rng.uniform(*cover)))
    exponent = np.float32(rng.uniform(*growth)) * (field - np.float32(edge))
    return np.asarray(np.minimum(CLOUDY * np.exp(exponent), most), dtype=np.float32)
