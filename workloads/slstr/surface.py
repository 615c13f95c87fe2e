"""Sea and land below the clouds: their temperature, their colour, and the vapour above them."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal, smooth_step
from workloads.slstr.product import SOLAR_CHANNELS
from workloads.slstr.viewing import Viewing

Mask = NDArray[np.bool_]

FREEZING_SEA = 271.35
LAPSE = 6.5  # K per km
# Reflectance of each cover in S1 to S6 and, last, in S7: after the spectral libraries of USGS and
# ASTER, rounded. Snow is as bright as cloud in the visible and dark at 1.6 µm, deserts are bright
# where cloud is, and leaves are at 0.87 µm: no channel alone tells cloud from ground.
_COVERS = {
    "sea": (0.030, 0.020, 0.012, 0.008, 0.006, 0.004, 0.020),
    "leaves": (0.090, 0.060, 0.330, 0.200, 0.200, 0.090, 0.030),
    "desert": (0.230, 0.330, 0.410, 0.470, 0.520, 0.470, 0.200),
    "snow": (0.840, 0.820, 0.760, 0.350, 0.100, 0.070, 0.020),
}
# Scenes of open sea, of coast and of land alone: a SLSTR mask is for the sea, but must know coasts.
_SHARES_OF_LAND = (0.02, 0.35, 0.90)
_CHANCES = (0.35, 0.45, 0.20)
_LAKES = 0.03


@dataclass(frozen=True)
class Surface:
    """Every field is (rows, columns) of the 1 km grid.

    Heights are in km, temperatures in K; `air` is that of the air at sea level, `vapour` the
    column of water in cm. `reflectance` is by channel, S7 among them. Ice on the sea is snow.
    """

    height: Field
    land: Mask
    lake: Mask
    snow: Mask
    temperature: Field
    sea_temperature: Field
    air: Field
    vapour: Field
    reflectance: dict[str, Field]


def draw_surface(rng: np.random.Generator, viewing: Viewing, declination: float) -> Surface:
    """Draw sea, land and the weather at the ground; `declination` of the sun in degrees."""
    rows, columns = viewing.latitude.shape
    relief = fractal(rng, rows, columns, 1.9, longest=400.0)
    wet = fractal(rng, rows, columns, 1.5, longest=300.0)
    eddies = fractal(rng, rows, columns, 1.8, longest=250.0)
    share = rng.choice(_SHARES_OF_LAND, p=_CHANCES)
    shore = float(NormalDist().inv_cdf(1.0 - share))
    # Mountains grow with the square of the distance, in the relief's deviations, from the shore.
    above = np.maximum(relief - shore, 0.0)
    height = above * 0.2 + above * above * np.float32(rng.uniform(0.1, 0.7))
    land = relief > shore
    lake = land & (wet > NormalDist().inv_cdf(1.0 - _LAKES)) & (height < 0.6)
    # The warmest latitude follows the sun half the way.
    thermal = np.radians(viewing.latitude - np.float32(0.4 * declination))
    warmth = np.cos(thermal) ** 2
    sea = np.maximum(270.0 + 31.0 * warmth + 1.3 * eddies, FREEZING_SEA).astype(np.float32)
    dryness = _dryness(wet, viewing.latitude)
    air = (263.0 + 37.0 * warmth + rng.normal(0.0, 3.0)).astype(np.float32)
    ground = air - LAPSE * height + _hour(viewing.sun, dryness) + 0.7 * eddies
    ice = ~land & (sea < FREEZING_SEA + 0.4 * (1.0 + wet))
    water = (~land & ~ice) | lake
    temperature = np.where(land, ground, np.where(ice, np.minimum(air, 268.0), sea))
    temperature = np.where(lake, np.maximum(0.5 * (ground + air), 273.0), temperature)
    cold = smooth_step(-(ground + 0.8 * wet), -273.0, -269.5)
    snow = np.where(land, cold, 1.0) * ~water
    return Surface(
        height=height,
        land=land,
        lake=lake,
        snow=snow > 0.5,
        temperature=temperature.astype(np.float32),
        sea_temperature=np.where(land, np.nan, sea).astype(np.float32),
        air=air,
        vapour=_vapour(thermal, height, wet),
        reflectance=_reflectances(rng, water, snow.astype(np.float32), dryness),
    )


def _dryness(wet: Field, latitude: Field) -> Field:
    """0 where leaves cover the ground, 1 in deserts, which lie at about 25 degrees."""
    belt = np.exp(-(((np.abs(latitude) - 25.0) / 11.0) ** 2))
    return smooth_step(1.8 * belt - 0.5 - wet, -0.7, 0.7)


def _hour(sun: Field, dryness: Field) -> Field:
    """What the sun of the morning adds to the ground, K, and the clear sky of the evening takes."""
    by_day = 5.0 + 17.0 * dryness
    by_night = 3.0 + 7.0 * dryness
    return np.where(sun > 0.0, by_day * sun, -by_night).astype(np.float32)


def _vapour(thermal: Field, height: Field, wet: Field) -> Field:
    """Column of water in cm: about 4.5 at the thermal equator, halved by every 1.4 km of height."""
    column = 0.3 + 4.2 * np.exp(-((thermal / 0.55) ** 2))
    return np.asarray(column * np.exp(-0.5 * height + 0.15 * wet), dtype=np.float32)


def _reflectances(
    rng: np.random.Generator, water: Mask, snow: Field, dryness: Field
) -> dict[str, Field]:
    """Reflectance of the bare surface in S1 to S7, mottled by fields, dunes and drifts."""
    rows, columns = snow.shape
    mottling = 1.0 + 0.13 * fractal(rng, rows, columns, 1.0, longest=60.0)
    reflectances = {}
    for number, channel in enumerate((*SOLAR_CHANNELS, "S7")):
        leaves, desert, white, sea = (
            np.float32(_COVERS[cover][number]) for cover in ("leaves", "desert", "snow", "sea")
        )
        ground = leaves + (desert - leaves) * dryness
        ground += (white - ground) * snow
        ground *= np.clip(mottling, 0.4, 1.15)
        reflectances[channel] = np.where(water, sea, ground).astype(np.float32)
    return reflectances
