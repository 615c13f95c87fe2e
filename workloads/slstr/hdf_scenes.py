"""The HDF5 files of `convert_hdf`: finding them, what they say of themselves, their arrays."""

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.slstr.moments import Moments
from workloads.slstr.product import CHANNELS
from workloads.slstr.scene_hdf import (
    ADD_OFFSET,
    FORMAT,
    MOMENTS,
    REFLECTANCES,
    SCENE_SUFFIX,
    TEMPERATURES,
)


@dataclass(frozen=True)
class SceneFile:
    """What a scene's file says of itself: its grid (rows, columns), and how it is written.

    `source` is the digest of what it was converted from, `patch_size` the side of its chunks,
    `packing` the type of its channels.
    """

    path: Path
    name: str
    source: str
    shape: tuple[int, int]
    by_day: bool
    packing: str
    patch_size: int
    moments: Moments


def find_scene_files(folder: Path) -> list[SceneFile]:
    """Every scene in `folder` and below it, by name: the OUT of convert_hdf, or its `day` alone.

    Raises UnusableInput where there is none, one is not a file of convert_hdf, or a scene is there
    twice.
    """
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is not a folder: name the OUT of convert_hdf")
    # A file that is being written has a dot before its name.
    paths = [path for path in folder.rglob(f"*{SCENE_SUFFIX}") if not path.name.startswith(".")]
    if not paths:
        raise UnusableInput(
            f"there are no scenes, NAME{SCENE_SUFFIX}, in {folder}: convert some first"
        )
    scenes = sorted((_describe(path) for path in paths), key=lambda scene: scene.name)
    for scene, other in itertools.pairwise(scenes):
        if scene.name == other.name:
            raise UnusableInput(f"{scene.path} and {other.path} are the same scene: remove one")
    return scenes


def dataset_digest(scenes: Iterable[SceneFile]) -> str:
    """The digest of the scenes together: of their names and of what they were converted from."""
    digest = FileSetDigest()
    for scene in scenes:
        digest.add(scene.name, f"{scene.source} {scene.packing} {scene.patch_size}".encode())
    return str(digest)


def read_channels(scene: SceneFile, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """The channels of a scene, (rows, columns, 9), reflectances first; NaN where unfilled.

    Temperatures are in kelvin. They are written into `out` where it is given. Raises UnusableInput
    where the file cannot be read.
    """
    channels = np.empty((*scene.shape, CHANNELS), np.float32) if out is None else out
    with _opened(scene.path) as file:
        reflectances, temperatures = file[REFLECTANCES], file[TEMPERATURES]
        bands = reflectances.shape[2]
        offset = np.float32(temperatures.attrs.get(ADD_OFFSET, 0.0))
        # Chunk by chunk: what a whole scene takes on the way would not stay in the caches.
        for first in range(0, scene.shape[0], scene.patch_size):
            rows = slice(first, first + scene.patch_size)
            channels[rows, :, :bands] = reflectances[rows]
            channels[rows, :, bands:] = temperatures[rows]
            if offset:
                channels[rows, :, bands:] += offset
    return channels


def read_mask(scene: SceneFile, name: str) -> NDArray[np.uint8] | None:
    """A mask of a scene (rows, columns); None where its file has none of that name."""
    with _opened(scene.path) as file:
        return file[name][...] if name in file else None


def _describe(path: Path) -> SceneFile:
    with _opened(path) as file:
        about = file.attrs
        if any(about.get(key) != value for key, value in FORMAT.items()):
            raise UnusableInput(
                f"{path} is not a scene that this version of convert_hdf wrote: convert again"
            )
        rows, columns, bands = file[REFLECTANCES].shape
        if file[TEMPERATURES].shape != (rows, columns, CHANNELS - bands):
            raise UnusableInput(f"{path} has channels of different grids: convert again")
        moments = (
            np.asarray(about[f"{MOMENTS}{name}"], np.float64)
            for name in Moments.__dataclass_fields__
        )
        return SceneFile(
            path,
            str(about["scene"]),
            str(about["source"]),
            (rows, columns),
            bool(about["by_day"]),
            str(about["packing"]),
            int(about["patch_size"]),
            Moments(*moments),
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, whose errors name it."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UnusableInput(f"{path} cannot be read ({error}): convert the scene again") from None
