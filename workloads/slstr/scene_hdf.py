"""The HDF5 file of a scene: its layout, writing it, and telling whether one is finished.

`bts` (rows, columns, 3) in kelvin and `refs` (rows, columns, 6), NaN where there is no value, and
masks (rows, columns) of 0 and 1, in `bayes` and `truth` UNFILLED where there is nothing to judge.
The moments of the nine channels, reflectances first, are attributes. A patch that begins at a
multiple of the chunks' side is one chunk of each.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import deflate
import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.hdf5 import replacing_hdf5
from workloads.slstr import VERSION
from workloads.slstr.moments import Moments
from workloads.slstr.product import UNFILLED

FORMAT = {
    "format": "trigpoint-slstr-scene",
    "format_version": 3,
    "workload_version": VERSION,
}
TEMPERATURES, REFLECTANCES = "bts", "refs"
ADD_OFFSET = "add_offset"
MOMENTS = "channel_"
SCENE_SUFFIX = ".hdf"
# float16 has steps of 0.06 K and less up to 128 K from here, and of 0.25 K around 300.
FLOAT16_TEMPERATURE_OFFSET = 273.15
_MASK_LEVEL = 1
TIMES_OF_DAY = ("day", "night")


@dataclass(frozen=True)
class Settings:
    """How scenes are written: type of the channels, side of the chunks, and what comes with them.

    `packing` is "float32", or "float16" with temperatures less 273.15 K.
    """

    packing: str = "float32"
    patch_size: int = 256
    geolocation: bool = False


@dataclass(frozen=True)
class Converted:
    """A scene on the 1 km grid: channels are (channels, rows, columns), the rest (rows, columns).

    `masks` are uint8, `geolocation` float32 degrees, each by the name of its dataset. `moments` are
    those of the reflectances, then of the temperatures.
    """

    name: str
    start_time: str
    by_day: bool
    temperatures: NDArray[np.float32]
    reflectances: NDArray[np.float32]
    masks: dict[str, NDArray[np.uint8]]
    geolocation: dict[str, NDArray[np.float32]]
    moments: Moments


def scene_file(output: Path, scene: str, by_day: bool) -> Path:
    """Where a scene's file is."""
    return output / TIMES_OF_DAY[not by_day] / f"{scene}{SCENE_SUFFIX}"


def finished_file(output: Path, scene: str, settings: Settings, source: str) -> Path | None:
    """The file of a scene that was made from `source` with these settings, if it is there."""
    wanted = _identity(scene, settings, source)
    for by_day in (True, False):
        path = scene_file(output, scene, by_day)
        try:
            with h5py.File(path, "r") as file:
                if wanted == {name: file.attrs.get(name) for name in wanted}:
                    return path
        except OSError:
            continue
    return None


def remove_files(output: Path, scene: str) -> None:
    """Remove what an earlier run may have made of a scene."""
    for by_day in (True, False):
        scene_file(output, scene, by_day).unlink(missing_ok=True)


def write_scene(output: Path, scene: Converted, settings: Settings, source: str) -> Path:
    """Write a scene's file, whole or not at all; return its path. Raises OSError."""
    path = scene_file(output, scene.name, scene.by_day)
    with replacing_hdf5(path) as file:
        file.attrs.update(_identity(scene.name, settings, source))
        file.attrs["start_time"] = scene.start_time
        file.attrs["by_day"] = scene.by_day
        for name, values in vars(scene.moments).items():
            file.attrs[f"{MOMENTS}{name}"] = values
        offset = FLOAT16_TEMPERATURE_OFFSET if settings.packing == "float16" else 0.0
        temperatures = _write_channels(file, TEMPERATURES, scene.temperatures, settings, offset)
        if offset:
            temperatures.attrs[ADD_OFFSET] = offset
        _write_channels(file, REFLECTANCES, scene.reflectances, settings)
        for name, mask in scene.masks.items():
            _write_mask(file, name, mask, settings.patch_size)
        for name, degrees in scene.geolocation.items():
            chunks = _chunks(degrees.shape, settings.patch_size)
            file.create_dataset(name, data=degrees, chunks=chunks, compression="gzip", shuffle=True)
    return path


def _identity(scene: str, settings: Settings, source: str) -> dict[str, Any]:
    """What tells a file from one that has to be made anew."""
    return FORMAT | {"scene": scene, "source": source} | asdict(settings)


def _chunks(shape: tuple[int, ...], patch_size: int) -> tuple[int, int]:
    return min(patch_size, shape[0]), min(patch_size, shape[1])


def _write_channels(
    file: h5py.File,
    name: str,
    channels: NDArray[np.float32],
    settings: Settings,
    offset: float = 0.0,
) -> h5py.Dataset:
    """Write (channels, rows, columns) less `offset` as (rows, columns, channels)."""
    number, *shape = channels.shape
    chunks = _chunks(channels.shape[1:], settings.patch_size)
    dataset = file.create_dataset(
        name, (*shape, number), settings.packing, chunks=(*chunks, number), fillvalue=np.nan
    )
    for row, column in _corners(shape, chunks):
        # Chunks are written whole, past HDF5: at the edges of the scene they end in NaN.
        chunk = np.full((*chunks, number), np.nan, settings.packing)
        part = channels[:, row : row + chunks[0], column : column + chunks[1]].transpose(1, 2, 0)
        chunk[: part.shape[0], : part.shape[1]] = part - np.float32(offset) if offset else part
        dataset.id.write_direct_chunk((row, column, 0), chunk)
    return dataset


def _write_mask(file: h5py.File, name: str, mask: NDArray[np.uint8], patch_size: int) -> None:
    chunks = _chunks(mask.shape, patch_size)
    dataset = file.create_dataset(
        name, mask.shape, np.uint8, chunks=chunks, compression="gzip", compression_opts=_MASK_LEVEL
    )
    for row, column in _corners(mask.shape, chunks):
        chunk = np.full(chunks, UNFILLED, np.uint8)
        part = mask[row : row + chunks[0], column : column + chunks[1]]
        chunk[: part.shape[0], : part.shape[1]] = part
        dataset.id.write_direct_chunk((row, column), deflate.zlib_compress(chunk, _MASK_LEVEL))


def _corners(shape: Any, chunks: tuple[int, int]) -> list[tuple[int, int]]:
    return [
        (row, column)
        for row in range(0, shape[0], chunks[0])
        for column in range(0, shape[1], chunks[1])
    ]
