"""Mountains seen from one point: relief over distance and bearing, and what it hides.

Relief lives on a grid (distance, column) with logarithmic distance, so that every cell has about
the same size on the photograph. A ridge hides what lies behind and below it; the skyline is the
highest line of sight that meets any terrain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal, smooth_step
from workloads.skyline.weather import Weather

DEPTHS = 128
_LEAST_MARGIN = 20


@dataclass(frozen=True)
class Relief:
    """On the grid (DEPTHS, width): rows on the photograph, and what colours depend on."""

    rows: Field
    altitude: Field
    steepness: Field
    light: Field


@dataclass(frozen=True)
class Surface:
    """What the terrain pixels see, one value for each of `pixels`, flat indices of the frame."""

    pixels: NDArray[np.int64]
    altitude: Field
    steepness: Field
    light: Field
    distance: Field


def draw_relief(rng: np.random.Generator, weather: Weather, height: int, width: int) -> Relief:
    """Draw mountains whose skyline keeps clear of the upper and lower edge of the photograph."""
    distance = np.linspace(0.0, 1.0, DEPTHS, dtype=np.float32)[:, None]
    broad = fractal(
        rng, DEPTHS, width, 2.0, float(rng.choice([1.2, 1.8, 2.6, 3.6])), longest=0.5 * width
    )
    crests = fractal(
        rng, DEPTHS, width, 1.8, float(rng.choice([1.0, 1.5, 2.2, 3.0])), longest=0.3 * width
    )
    sharpness = float(rng.uniform(0.3, 0.9))
    altitude = broad + sharpness * (1.2 - 1.5 * np.abs(crests))
    strength = float(rng.uniform(0.06, 0.14)) * height
    elevation = strength * (0.25 + 0.75 * distance ** float(rng.uniform(0.5, 2.0))) * altitude
    fall = float(rng.uniform(0.35, 0.75)) * height
    elevation -= fall * (1.0 - distance) ** float(rng.uniform(1.0, 2.2))
    forest = smooth_step(-altitude, -weather.tree_line, -weather.tree_line + 0.3)
    tree_tops = rng.random((DEPTHS, width), dtype=np.float32) * (1.15 - distance)
    elevation += forest * tree_tops * np.float32(0.018 * height)
    rows = _point_camera(rng, elevation, distance, height)
    across = np.gradient(elevation, axis=1)
    away = np.gradient(elevation, axis=0)
    light = 0.6 - float(rng.uniform(-1.0, 1.0)) * across - 0.6 * away
    light /= np.sqrt(1.0 + across * across + 0.5 * away * away)
    return Relief(rows, altitude + distance * 0.6, np.abs(across), light)


def _point_camera(
    rng: np.random.Generator, elevation: Field, distance: Field, height: int
) -> Field:
    """Rows (DEPTHS, width) of the photograph at which the relief appears, the nearest below it."""
    middle = float(rng.uniform(0.25, 0.6)) * height
    crest = elevation.max(axis=0)
    short_of_bottom = height - middle - float(crest.mean() - elevation[0].max())
    elevation = elevation - max(0.0, short_of_bottom) * (1.0 - distance) ** 4
    crest = elevation.max(axis=0)
    centred = float(crest.mean()) - elevation
    skyline = centred.min(axis=0)
    shrink = min(
        1.0,
        (_LEAST_MARGIN - middle) / min(float(skyline.min()), -1e-6),
        (height - _LEAST_MARGIN - middle) / max(float(skyline.max()), 1e-6),
    )
    rows = middle + centred * shrink
    rows[0] = np.maximum(rows[0], height)
    return np.asarray(rows, dtype=np.float32)


def look_at(relief: Relief, height: int) -> tuple[Surface, NDArray[np.int64]]:
    """Find what each pixel of the photograph sees, and the skyline (width,): first terrain rows."""
    width = relief.rows.shape[1]
    tops = np.ceil(np.minimum.accumulate(relief.rows, axis=0)).astype(np.int64)
    tops = np.clip(tops, 0, height)
    hidden_below = np.bincount(
        (tops * width + np.arange(width)).ravel(), minlength=(height + 1) * width
    ).reshape(height + 1, width)
    # The first depth whose line of sight reaches up to the row: all nearer ones stay below it.
    depth = (DEPTHS - np.cumsum(hidden_below[:height], axis=0)).ravel()
    pixels = np.flatnonzero(depth < DEPTHS)
    row, column = np.divmod(pixels, width)
    behind = depth[pixels] * width + column
    before = np.maximum(behind - width, column)
    near, far = relief.rows.ravel()[before], relief.rows.ravel()[behind]
    share = np.clip((near - row.astype(np.float32)) / np.maximum(near - far, 1e-3), 0.0, 1.0)
    distance = np.repeat(np.linspace(0.0, 1.0, DEPTHS, dtype=np.float32), width)

    def between(values: Field) -> Field:
        nearer = values.ravel()[before]
        return np.asarray(nearer + (values.ravel()[behind] - nearer) * share, dtype=np.float32)

    surface = Surface(
        pixels,
        between(relief.altitude),
        between(relief.steepness),
        between(relief.light),
        between(distance),
    )
    return surface, tops[-1]
