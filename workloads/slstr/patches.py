"""Patches of scenes, read by any number of threads: a patch is one chunk of each dataset.

HDF5 lets one thread in at a time, so that it only says where the chunks lie, once for each scene.
"""

import os
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.slstr.hdf_scenes import SceneFile
from workloads.slstr.product import CHANNELS, SOLAR_CHANNELS
from workloads.slstr.scene_hdf import REFLECTANCES, TEMPERATURES

BAND = len(SOLAR_CHANNELS)
TARGET = "bayes"


class Span(NamedTuple):
    """Where the bytes of a chunk lie in a file."""

    offset: int
    size: int


class PatchReader:
    """The patches of `scenes`, which are numbered scene by scene, row by row.

    Those at the lower and right edges reach over the scene, where they are unfilled. Raises
    UnusableInput as `require_alike` does.
    """

    def __init__(self, scenes: Sequence[SceneFile]) -> None:
        require_alike(scenes)
        self.patch_size, self.dtype = scenes[0].patch_size, np.dtype(scenes[0].packing)
        self._scenes = list(scenes)
        grids = [[-(-side // self.patch_size) for side in scene.shape] for scene in scenes]
        self._ends = np.cumsum([rows * columns for rows, columns in grids])
        self._spans_of = cache(_spans)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def read(self, number: int) -> tuple[NDArray[np.floating], NDArray[np.uint8]]:
        """Channels (side, side, 9) as they are packed, and the Bayesian mask (side, side).

        Raises UnusableInput where the file cannot be read.
        """
        index = int(np.searchsorted(self._ends, number, side="right"))
        scene = self._scenes[index]
        spans = self._spans_of(scene.path)
        within = number - (int(self._ends[index - 1]) if index else 0)
        side = self.patch_size
        channels = np.empty((side, side, CHANNELS), self.dtype)
        try:
            with scene.path.open("rb") as file:
                reflectances, temperatures, mask = (
                    _read(file.fileno(), spans[name][within])
                    for name in (REFLECTANCES, TEMPERATURES, TARGET)
                )
            values = np.frombuffer(reflectances, self.dtype)
            channels[..., :BAND] = values.reshape(side, side, BAND)
            values = np.frombuffer(temperatures, self.dtype)
            channels[..., BAND:] = values.reshape(side, side, CHANNELS - BAND)
            target = np.frombuffer(zlib.decompress(mask), np.uint8).reshape(side, side)
        except (OSError, ValueError, IndexError, zlib.error) as error:
            raise UnusableInput(
                f"{scene.path} cannot be read ({error}): convert the scene again"
            ) from None
        return channels, target


def require_alike(scenes: Sequence[SceneFile]) -> None:
    """Raise UnusableInput where scenes are packed in different ways, or smaller than a patch."""
    first = scenes[0]
    for scene in scenes:
        if (scene.patch_size, scene.packing) != (first.patch_size, first.packing):
            raise UnusableInput(
                f"{scene.path} has patches of {scene.patch_size} pixels in {scene.packing}, "
                f"{first.path} of {first.patch_size} in {first.packing}: convert all alike"
            )
        if min(scene.shape) < scene.patch_size:
            raise UnusableInput(
                f"{scene.path} is smaller than a patch of {scene.patch_size} pixels: convert "
                "with a smaller --patch-size"
            )


def _read(file: int, span: Span) -> bytes:
    content = os.pread(file, span.size, span.offset)
    if len(content) != span.size:
        raise OSError("it ends in the middle of a chunk")
    return content


def _spans(path: Path) -> dict[str, list[Span]]:
    """Where the chunks of a scene lie, row by row, for each dataset that a patch is read from."""
    try:
        with h5py.File(path, "r") as file:
            return {name: _chunks(file[name]) for name in (REFLECTANCES, TEMPERATURES, TARGET)}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UnusableInput(f"{path} cannot be read ({error}): convert the scene again") from None


def _chunks(dataset: h5py.Dataset) -> list[Span]:
    height, width = dataset.chunks[:2]
    spans = []
    for row in range(0, dataset.shape[0], height):
        for column in range(0, dataset.shape[1], width):
            about = dataset.id.get_chunk_info_by_coord((row, column, 0)[: dataset.ndim])
            if about.byte_offset is None or about.filter_mask:
                raise ValueError(f"{dataset.name} lacks a chunk")
            spans.append(Span(about.byte_offset, about.size))
    return spans
