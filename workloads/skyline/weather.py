"""The hour, the season and the air of one photograph: the colours that sky and terrain share."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Colour = NDArray[np.float32]


@dataclass(frozen=True)
class Weather:
    """Colours are RGB in 0..1.

    The sun's place is a fraction of the frame. The snow line and the tree line are altitudes, in
    units of the relief's usual deviation from its mean.
    """

    zenith: Colour
    horizon: Colour
    sunlight: Colour
    ambient: Colour
    cloud_bright: Colour
    cloud_dark: Colour
    cloud_cover: float
    cloud_softness: float
    cloud_stretch: float
    cloud_roughness: float
    sun_column: float
    sun_height: float
    glow: float
    haze: float
    air: Colour
    mist: float
    snow_line: float
    tree_line: float


class _Hour(NamedTuple):
    """How often such an hour comes, its usual colours (hexadecimal RGB), clouds and glow."""

    share: float
    zenith: str
    horizon: str
    sunlight: str
    ambient: str
    cloud_bright: str
    cloud_dark: str
    cloud_cover: tuple[float, float]
    glow: float


_HOURS = {
    "noon": _Hour(
        0.28, "3a6fb4", "a9c6e2", "fff4e2", "6a7f9c", "f8f8f8", "b4bac6", (0.0, 0.55), 0.1
    ),
    "pale": _Hour(
        0.13, "8fa9c4", "d3dbe3", "e2dccc", "8c98a8", "f2f2f2", "c2c8d0", (0.2, 0.8), 0.15
    ),
    "overcast": _Hour(
        0.2, "8d939b", "bfc4c9", "3c3c3a", "90949a", "d2d5d8", "83898f", (0.9, 1.6), 0.05
    ),
    "storm": _Hour(
        0.08, "4c535d", "8b929a", "34322e", "50565e", "9aa0a7", "4c525a", (0.8, 1.5), 0.0
    ),
    "morning": _Hour(
        0.13, "6f8fbf", "e8cfb4", "f5c894", "5c6680", "fbe3c8", "a393a3", (0.0, 0.7), 0.35
    ),
    "sunset": _Hour(
        0.12, "39406b", "e2894c", "c87840", "3c3c58", "f0a070", "5c4860", (0.1, 0.9), 0.55
    ),
    "dusk": _Hour(
        0.06, "1f2747", "7e7e9e", "2e2c3c", "282d42", "6a6078", "2e3048", (0.1, 0.9), 0.2
    ),
}


def _colour(code: str, rng: np.random.Generator, spread: float = 0.05) -> Colour:
    red_green_blue = np.frombuffer(bytes.fromhex(code), dtype=np.uint8) / 255.0
    brightness = 1.0 + rng.normal(0.0, spread)
    tint = 1.0 + rng.normal(0.0, spread * 0.25, 3)
    return np.clip(red_green_blue * brightness * tint, 0.0, 1.0).astype(np.float32)


def draw_weather(rng: np.random.Generator) -> Weather:
    """Draw the hour, season and air of one photograph."""
    hours = list(_HOURS.values())
    shares = np.array([hour.share for hour in hours])
    hour = hours[int(rng.choice(len(hours), p=shares / shares.sum()))]
    horizon_colour = _colour(hour.horizon, rng, 0.08)
    zenith_colour = _colour(hour.zenith, rng, 0.08)
    return Weather(
        zenith=zenith_colour,
        horizon=horizon_colour,
        sunlight=_colour(hour.sunlight, rng),
        ambient=_colour(hour.ambient, rng),
        cloud_bright=_colour(hour.cloud_bright, rng, 0.03),
        cloud_dark=_colour(hour.cloud_dark, rng),
        cloud_cover=float(rng.uniform(*hour.cloud_cover)),
        cloud_softness=float(rng.uniform(0.25, 1.1)),
        cloud_stretch=float(rng.choice([1.0, 1.6, 2.5, 4.0])),
        cloud_roughness=float(rng.uniform(1.45, 2.0)),
        sun_column=float(rng.uniform(-0.2, 1.2)),
        sun_height=float(rng.uniform(0.15, 0.9)),
        glow=hour.glow * float(rng.uniform(0.3, 1.0)),
        haze=float(rng.choice([rng.uniform(0.05, 0.4), rng.uniform(0.4, 1.0)])),
        air=(0.7 * horizon_colour + 0.3 * zenith_colour) * np.float32(rng.uniform(0.62, 0.92)),
        mist=float(rng.choice([0.0, rng.uniform(0.2, 0.8)], p=[0.7, 0.3])),
        snow_line=float(rng.choice([rng.uniform(-2.0, 0.0), rng.uniform(0.0, 2.0), 9.0])),
        tree_line=float(rng.uniform(-2.5, 1.0)),
    )
