"""Scenes as `convert_hdf` leaves them, small, whose clouds are cold and bright."""

from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from workloads.slstr.moments import moments_of
from workloads.slstr.product import UNFILLED
from workloads.slstr.scene_hdf import Converted, Settings, write_scene

#: Columns at the left of every scene that the instrument has not seen.
EDGE = 3


def converted_scene(number: int, shape: tuple[int, int], seed: int = 0) -> Converted:
    """Scene `number`: every third is by night, and has no reflectances."""
    rng = np.random.default_rng([seed, number])
    clouds = gaussian_filter(rng.standard_normal(shape), 4) > 0
    by_day = number % 3 != 2
    warm, dark = (285.0 + number % 4, 0.1)
    temperatures = warm - 30.0 * clouds + rng.standard_normal((3, *shape))
    reflectances = dark + 0.5 * clouds + 0.02 * rng.standard_normal((6, *shape))
    if not by_day:
        reflectances[:] = np.nan
    mask = clouds.astype(np.uint8)
    bayes = mask ^ (rng.random(shape) < 0.02)
    for plane in (*temperatures, *reflectances):
        plane[:, :EDGE] = np.nan
    for each in (mask, bayes):
        each[:, :EDGE] = UNFILLED
    temperatures, reflectances = temperatures.astype("f4"), reflectances.astype("f4")
    land = np.zeros(shape, np.uint8)
    return Converted(
        f"scene-{number:03d}",
        f"2019-01-01T00:{number:02d}:00.000000Z",
        by_day,
        temperatures,
        reflectances,
        {
            "bayes": bayes,
            "summary": bayes % UNFILLED,
            "day": np.full(shape, by_day, np.uint8),
            "land": land,
            "truth": mask,
        },
        {},
        moments_of([*reflectances, *temperatures]),
    )


def write_scenes(
    folder: Path,
    count: int = 10,
    shape: tuple[int, int] = (72, 104),
    patch_size: int = 32,
    packing: str = "float32",
) -> Path:
    """Write so many scenes below `folder`, and return it."""
    for number in range(count):
        scene = converted_scene(number, shape)
        write_scene(folder, scene, Settings(packing, patch_size), f"source-{number}")
    return folder
