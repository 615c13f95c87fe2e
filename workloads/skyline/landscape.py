"""One seeded mountain photograph and its annotated skyline."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal
from workloads.skyline.ground import paint
from workloads.skyline.sky import draw_sky
from workloads.skyline.terrain import draw_relief, look_at
from workloads.skyline.weather import draw_weather

_LANDSCAPE_STREAM = 1


@dataclass(frozen=True)
class Landscape:
    """A photograph, uint8 (height, width, 3), and per column the row of its first terrain pixel."""

    photograph: NDArray[np.uint8]
    skyline: NDArray[np.int64]


def draw_landscape(seed: int, index: int, height: int = 240, width: int = 320) -> Landscape:
    """Draw photograph number `index` of the collection `seed`.

    The bytes depend on the arguments alone: any process can draw any photograph, in any order.
    The skyline keeps 20 rows clear of the upper and the lower edge.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_LANDSCAPE_STREAM, index)))
    weather = draw_weather(rng)
    scene = draw_sky(rng, weather, height, width)
    surface, skyline = look_at(draw_relief(rng, weather, height, width), height)
    detail = fractal(rng, height, width, float(rng.uniform(0.7, 1.1)), longest=40.0)
    colours = paint(rng, weather, surface, detail.ravel()[surface.pixels])
    for channel, values in zip(scene.reshape(3, -1), colours, strict=True):
        channel[surface.pixels] = values
    return Landscape(_expose(rng, scene), skyline)


def _expose(rng: np.random.Generator, scene: Field) -> NDArray[np.uint8]:
    """What the camera makes of a scene (3, height, width): blur, vignette, balance, noise."""
    _, height, width = scene.shape
    blur = np.float32(rng.uniform(0.05, 0.22))
    rows = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    columns = np.linspace(-1.0, 1.0, width, dtype=np.float32)
    vignette = 1.0 - float(rng.uniform(0.0, 0.09)) * (rows * rows + columns * columns)
    gains = 255.0 * rng.uniform(0.85, 1.15) * (1.0 + rng.normal(0.0, 0.015, 3))
    # The sum of two uniform bytes has a deviation of 104: grain of half a level to four levels.
    strength = np.float32(rng.uniform(0.5, 4.0) / 104.0)
    grain = rng.integers(0, 256, (2, *scene.shape), dtype=np.uint8).astype(np.int16)
    photograph = np.empty((height, width, 3), dtype=np.uint8)
    for channel, gain in enumerate(gains):
        image = _blurred(_blurred(scene[channel], blur).T, blur).T
        image *= vignette * np.float32(gain)
        image += (grain[0, channel] + grain[1, channel] - np.int16(255)) * strength
        photograph[:, :, channel] = np.clip(image + np.float32(0.5), 0.0, 255.0)
    return photograph


def _blurred(image: Field, share: np.float32) -> Field:
    """Each row gives `share` of its light to either neighbour."""
    blurred = image * (1 - 2 * share)
    blurred[1:] += image[:-1] * share
    blurred[:-1] += image[1:] * share
    blurred[0] += image[0] * share
    blurred[-1] += image[-1] * share
    return np.asarray(blurred)
