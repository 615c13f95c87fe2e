"""Reading a table of match-ups, and finding the network's mask at each of them.

What the table looks like: see matchups.py, which draws one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.slstr.matchups import COLUMNS
from workloads.slstr.predictions import predicted_scenes, prediction_file, read_mask_at

# From the coldest cloud top to far more than any sea has, K.
_COLDEST, _WARMEST = 100.0, 400.0


@dataclass(frozen=True)
class MatchupTable:
    """Match-ups whose satellite saw something; all columns are (match-ups,), temperatures in K.

    `scene` counts into `scenes`, the names. `without_satellite` rows of the file at `path` are left
    out, whose satellite temperature is NaN.
    """

    path: Path
    scenes: list[str]
    scene: NDArray[np.int32]
    row: NDArray[np.int32]
    column: NDArray[np.int32]
    satellite: NDArray[np.float32]
    buoy: NDArray[np.float32]
    operational_clear: NDArray[np.bool_]
    without_satellite: int


def read_matchups(path: Path) -> MatchupTable:
    """Read the table at `path`.

    Raises UnusableInput, which names the file and the column, where it is not such a table, is
    empty, or holds what cannot be: scenes that it does not name or names twice, negative places,
    temperatures outside 100 to 400 K, flags other than 0 and 1.
    """
    try:
        with h5py.File(path, "r") as file:
            scenes = _read_scenes(file, path)
            table = {name: _read_column(file, name, path) for name in COLUMNS.names or ()}
    except OSError as error:
        raise UnusableInput(
            f"{path} cannot be read as HDF5 ({error}): name the table of match-ups"
        ) from None
    _check(table, len(scenes), path)
    seen = ~np.isnan(table["satellite_sst"])
    if not seen.any():
        raise UnusableInput(f"{path} holds no match-up with a satellite temperature")
    used = {name: values[seen] for name, values in table.items()}
    return MatchupTable(
        path=path,
        scenes=scenes,
        scene=used["scene"],
        row=used["row"],
        column=used["column"],
        satellite=used["satellite_sst"],
        buoy=used["buoy_sst"],
        operational_clear=used["operational_clear"].astype(bool),
        without_satellite=seen.size - int(np.count_nonzero(seen)),
    )


def require_predictions(table: MatchupTable, predictions: Path) -> None:
    """Raise UnusableInput unless `predictions` has the scenes of the table, and no other."""
    found = set(predicted_scenes(predictions))
    if missing := [name for name in table.scenes if name not in found]:
        raise UnusableInput(
            f"{len(missing)} of the {len(table.scenes)} scenes in {table.path} have no prediction, "
            f"the first would be {prediction_file(predictions, missing[0])}: run inference on them"
        )
    if unknown := sorted(found - set(table.scenes)):
        raise UnusableInput(
            f"{len(unknown)} of the {len(found)} predictions in {predictions} are of scenes that "
            f"{table.path} does not name, the first {unknown[0]}: give each set of scenes a folder"
        )


def read_masks_at(table: MatchupTable, predictions: Path) -> NDArray[np.uint8]:
    """The network's mask (match-ups,) at each match-up, UNFILLED where it has none.

    Every prediction is opened once. Raises UnusableInput as `read_mask_at` does.
    """
    mask = np.empty(table.scene.size, np.uint8)
    by_scene = np.argsort(table.scene, kind="stable")
    ends = np.cumsum(np.bincount(table.scene, minlength=len(table.scenes)))
    for name, places in zip(table.scenes, np.split(by_scene, ends[:-1]), strict=True):
        if places.size:
            mask[places] = read_mask_at(predictions, name, table.row[places], table.column[places])
    return mask


def _read_scenes(file: h5py.File, path: Path) -> list[str]:
    names = file.get("scenes")
    is_list = isinstance(names, h5py.Dataset) and names.ndim == 1
    if not is_list or not h5py.check_string_dtype(names.dtype):
        raise UnusableInput(f"{path} has no `scenes`, names of scenes: it is no table of match-ups")
    try:
        scenes = names.asstr()[:].tolist()
    except UnicodeDecodeError as error:
        raise UnusableInput(f"`scenes` in {path} cannot be read: {error}") from None
    if len(set(scenes)) < len(scenes):
        raise UnusableInput(f"`scenes` in {path} names a scene twice: each must stand there once")
    return scenes


def _read_column(file: h5py.File, name: str, path: Path) -> NDArray[Any]:
    column, wanted = file.get(name), COLUMNS[name]
    if not isinstance(column, h5py.Dataset):
        raise UnusableInput(f"{path} has no column `{name}`: it is no table of match-ups")
    if column.dtype.newbyteorder("=") != wanted or column.ndim != 1:
        raise UnusableInput(
            f"`{name}` in {path} is {column.dtype} {column.shape}, not a column of {wanted}"
        )
    return np.asarray(column[:], wanted)


def _check(table: dict[str, NDArray[Any]], scenes: int, path: Path) -> None:
    lengths = {name: values.size for name, values in table.items()}
    if len(set(lengths.values())) > 1:
        stated = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise UnusableInput(f"the columns of {path} differ in length: {stated}")
    if not lengths["scene"]:
        raise UnusableInput(f"{path} holds no match-up: there is nothing to compare")
    _require(_within(table["scene"], 0, scenes - 1), f"`scene` is not one of {scenes}", path)
    for name in ("row", "column"):
        _require(table[name] >= 0, f"`{name}` is negative", path)
    flags = _within(table["operational_clear"], 0, 1)
    _require(flags, "`operational_clear` is neither 0 nor 1", path)
    buoy, satellite = table["buoy_sst"], table["satellite_sst"]
    wrong = f"is not from {_COLDEST:g} to {_WARMEST:g} K"
    _require(_within(buoy, _COLDEST, _WARMEST), f"`buoy_sst` {wrong}", path)
    unseen = np.isnan(satellite)
    _require(
        unseen | _within(satellite, _COLDEST, _WARMEST), f"`satellite_sst` {wrong}, nor NaN", path
    )


def _within(values: NDArray[Any], least: float, largest: float) -> NDArray[np.bool_]:
    return (values >= least) & (values <= largest)


def _require(holds: NDArray[np.bool_], otherwise: str, path: Path) -> None:
    failing = np.flatnonzero(~holds)
    if failing.size:
        raise UnusableInput(
            f"{otherwise} in {failing.size} of {holds.size} match-ups of {path}, "
            f"first in number {failing[0]}"
        )
