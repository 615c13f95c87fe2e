"""Match-ups of satellite and buoy: what `sst_comp` compares, drawn from scenes that know the sea.

The table is an HDF5 file: `scenes`, the names that `scene` counts into, and columns of one length.
"""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.hdf5 import replacing_hdf5
from workloads.common.noise import Field
from workloads.slstr.orbit import coordinates
from workloads.slstr.product import BAYES
from workloads.slstr.scene import Scene

MATCHUPS_FILE = "sst_matchups.h5"
# `scene` is the index of the scene's name, `row` and `column` are of the 1 km grid, `time` is in
# seconds since 2000-01-01, temperatures are in K.
COLUMNS = np.dtype(
    [
        ("scene", np.int32),
        ("row", np.int32),
        ("column", np.int32),
        ("latitude", np.float32),
        ("longitude", np.float32),
        ("time", np.float64),
        ("satellite_sst", np.float32),
        ("buoy_sst", np.float32),
        ("operational_clear", np.uint8),
    ]
)
# Far more than buoys report in a scene, so that a few scenes give a sound median.
_MOST_IN_A_SCENE = 400
_BUOY_NOISE = 0.2
# The split window: vapour cools 12 µm more than 11 µm, in the proportion of their absorption.
_SPLIT_WINDOW = 1.72
_MATCHUP_STREAM = 2


def retrieve_sst(s8: Field, s9: Field) -> Field:
    """Sea-surface temperature from the split window, K; right for clear sky alone."""
    return np.asarray(s8 + np.float32(_SPLIT_WINDOW) * (s8 - s9))


def draw_matchups(scene: Scene, seed: int, number: int) -> NDArray[np.void]:
    """Match-ups of scene `number` at filled pixels of the open sea, clear or not, row by row."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_MATCHUP_STREAM, number)))
    open_sea = scene.viewing.filled & ~scene.surface.land & ~scene.surface.snow
    places = np.flatnonzero(open_sea)
    chosen = rng.choice(places, min(_MOST_IN_A_SCENE, places.size), replace=False)
    chosen.sort()
    rows, columns = np.unravel_index(chosen, open_sea.shape)
    course = scene.course
    latitude, longitude = coordinates(
        course,
        np.arange(course.grid.rows, dtype=float),
        np.arange(course.grid.columns, dtype=float),
    )
    truth = scene.surface.sea_temperature[rows, columns]
    table = np.zeros(chosen.size, COLUMNS)
    table["row"], table["column"] = rows, columns
    table["latitude"], table["longitude"] = latitude[rows, columns], longitude[rows, columns]
    table["time"] = course.start + rows * course.seconds_a_row
    s8, s9 = (scene.brightness[channel][rows, columns] for channel in ("S8", "S9"))
    table["satellite_sst"] = retrieve_sst(s8, s9)
    table["buoy_sst"] = truth + _BUOY_NOISE * rng.standard_normal(chosen.size)
    table["operational_clear"] = scene.bayes[rows, columns] & BAYES["single_moderate"] == 0
    return table


def write_matchups(path: Path, parts: Sequence[tuple[str, NDArray[np.void]]]) -> None:
    """Write the table of several scenes, each given by its name and its match-ups."""
    table = np.concatenate([part for _, part in parts])
    table["scene"] = np.repeat(np.arange(len(parts)), [part.size for _, part in parts])
    with replacing_hdf5(path) as file:
        text = h5py.string_dtype()
        file.create_dataset("scenes", data=[name for name, _ in parts], dtype=text)
        for column in COLUMNS.names or ():
            file.create_dataset(column, data=table[column])
