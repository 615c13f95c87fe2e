"""What the terrain is covered with, and its colours in the light and air of the photograph."""

import numpy as np

from workloads.common.noise import Field, smooth_step
from workloads.skyline.terrain import Surface
from workloads.skyline.weather import Colour, Weather


def paint(rng: np.random.Generator, weather: Weather, surface: Surface, detail: Field) -> Field:
    """Colours (3, pixels) of the surface; `detail` (pixels,) varies from pixel to pixel."""
    rock = _tinted(rng, 0.42, 0.10, (1.05, 1.0, 0.95))
    meadow = _tinted(rng, 0.34, 0.08, (1.0, 1.05, 0.6))
    forest = _tinted(rng, 0.16, 0.05, (0.8, 1.0, 0.7))
    snow = _tinted(rng, 0.95, 0.03, (0.97, 1.0, 1.04))
    altitude = surface.altitude + np.float32(rng.uniform(0.1, 0.35)) * detail
    tree_line, snow_line = weather.tree_line, weather.snow_line
    green = smooth_step(-altitude, -tree_line - 0.8, -tree_line)
    trees = smooth_step(-altitude, -tree_line, -tree_line + 0.3)
    white = smooth_step(altitude - 0.8 * surface.steepness, snow_line, snow_line + 0.4)
    cover = rock + (meadow - rock) * green
    cover += (forest - cover) * trees
    cover *= 1.0 + np.float32(rng.uniform(0.08, 0.22)) * detail
    cover += (snow - cover) * white
    shine = np.clip(0.2 + 0.6 * surface.light + 0.1 * detail, 0.0, 1.3)
    cover *= weather.sunlight[:, None] * shine + weather.ambient[:, None] * np.float32(0.8)
    air = weather.air[:, None]
    return np.asarray(air + (cover - air) * _clearness(weather, surface), dtype=np.float32)


def _clearness(weather: Weather, surface: Surface) -> Field:
    """The share of light (pixels,) that haze, and mist in the valleys, let through."""
    kilometres = (np.exp(3.0 * surface.distance) - 1.0) / 19.0
    clear = np.exp(-1.4 * weather.haze * (0.1 + kilometres))
    if weather.mist > 0.0:
        valley = smooth_step(-surface.altitude, -0.2, 1.2)
        clear *= 1.0 - weather.mist * valley * smooth_step(surface.distance, 0.1, 0.6)
    return np.asarray(clear, dtype=np.float32)


def _tinted(
    rng: np.random.Generator, grey: float, spread: float, tint: tuple[float, float, float]
) -> Colour:
    brightness = max(0.05, grey + float(rng.normal(0.0, spread)))
    colour = brightness * np.array(tint) * (1.0 + rng.normal(0.0, 0.025, 3))
    return colour.astype(np.float32)[:, None]
