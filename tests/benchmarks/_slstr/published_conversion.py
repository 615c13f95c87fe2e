"""Conversion as it was published: netCDF4, radiances loaded twice, scikit-image, 64-bit numbers.

What it calls reflectances are the radiances again. Every load of the flags opens their file and
spreads all bits of the confidence word as 64-bit integers, of which one is kept.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import netCDF4
import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from workloads.slstr.product import SOLAR_CHANNELS, THERMAL_CHANNELS, solar_file, thermal_file


def convert(scene: Path, output: Path) -> None:
    """Write the scene's channels and flags, uncompressed, as one HDF5 file."""
    temperatures = _load(scene, THERMAL_CHANNELS, thermal_file, "BT_in")
    radiances = _load(scene, SOLAR_CHANNELS, solar_file, "radiance_an")
    reflectances = _load(scene, SOLAR_CHANNELS, solar_file, "radiance_an")
    bayes = _load_flags(scene)["bayes_in"]
    summary = _load_flags(scene)["summary_cloud"]
    shape = (*temperatures.shape[:2], len(SOLAR_CHANNELS))
    with h5py.File(output, "w") as file:
        file.create_dataset("bts", data=temperatures)
        file.create_dataset("rads", data=resize(radiances, shape))
        file.create_dataset("refs", data=resize(reflectances, shape))
        file.create_dataset("bayes", data=bayes[..., None])
        file.create_dataset("summary", data=summary[..., None])


def _load(
    scene: Path, channels: Sequence[str], file_of: Callable[[str], str], name: str
) -> NDArray[np.float64]:
    """Channels (rows, columns, channels) in physical units, NaN where a pixel is not filled."""
    loaded = []
    for channel in channels:
        with netCDF4.Dataset(scene / file_of(channel)) as file:
            loaded.append(np.ma.filled(file[f"{channel}_{name}"][:], np.nan))
    return np.stack(loaded).transpose(1, 2, 0)


def _load_flags(scene: Path) -> dict[str, NDArray[Any]]:
    with netCDF4.Dataset(scene / "flags_in.nc") as file:
        packed = file["confidence_in"]
        confidence = np.asarray(packed[:])
        flags = {
            meaning: np.where(confidence & bit > 0, 1, 0)
            for meaning, bit in zip(packed.flag_meanings.split(), packed.flag_masks, strict=True)
        }
        return flags | {"bayes_in": np.asarray(file["bayes_in"][:])}
