"""How a scene is laid before the network: padded, whole or in tiles that overlap.

The published code pads a scene and cuts it into tiles of 256 pixels, 176 apart, of which it drops
40 at each border. What the network says of a pixel depends on where that is on the grid of its
poolings, so that the scene begins here where it begins there, modulo that grid. What it depends on
reaches `REACH` pixels: a tile with a halo of as much says of its core what the whole scene would.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.common.host_memory import aligned_empty
from workloads.slstr.model import STRIDE
from workloads.slstr.product import CHANNELS

# Farthest pixel that a pixel at the border of a core that begins and ends on the grid depends on:
# two convolutions at each of the sides 1, 2, 4, 8, 4, 2, 1, and where poolings begin.
REACH = 46
HALO = -(-REACH // STRIDE) * STRIDE
_PUBLISHED_STEP = 176
_PUBLISHED_BORDERS = 80


class Frame(NamedTuple):
    """An array for a padded scene, and the part of it (rows, columns, 9) that is the scene."""

    padded: NDArray[np.float32]
    inside: NDArray[np.float32]


@dataclass(frozen=True)
class Tiling:
    """Tiles of one size, `sides` (rows, columns), that cover a scene of `shape` with their cores.

    A core is a tile without its halo. The scene begins `first` (rows, columns) inside of the first
    core; `counts` are the tiles down and across.
    """

    shape: tuple[int, int]
    sides: tuple[int, int]
    first: tuple[int, int]
    counts: tuple[int, int]

    @classmethod
    def of(cls, shape: tuple[int, int], side: int | None) -> "Tiling":
        """The tiling of a scene into tiles of `side` pixels; None makes it one tile."""
        rows, columns = shape
        return cls(shape, *zip(_cut(rows, side), _cut(columns, side), strict=True))

    @property
    def cores(self) -> tuple[int, int]:
        """Rows and columns of a core."""
        return self.sides[0] - 2 * HALO, self.sides[1] - 2 * HALO

    def pad(self, channels: NDArray[np.float32]) -> NDArray[np.float32]:
        """A scene's channels (rows, columns, 9) with what the tiles need around it: NaN."""
        frame = self.frame()
        frame.inside[...] = channels
        return frame.padded

    def frame(self) -> Frame:
        """An array for the channels of a scene and of what the tiles need around it.

        Around it is NaN, no value, as beyond the swath: the network takes it for zero.
        """
        (rows, columns), top, left = self.shape, HALO + self.first[0], HALO + self.first[1]
        padded = self.blank(*self.counts)
        padded[:top] = padded[top + rows :] = np.nan
        padded[:, :left] = padded[:, left + columns :] = np.nan
        return Frame(padded, padded[top : top + rows, left : left + columns])

    def blank(self, down: int = 1, across: int = 1) -> NDArray[np.float32]:
        """An uninitialised array for the channels of so many tiles."""
        rows, columns = self.cores
        shape = (2 * HALO + down * rows, 2 * HALO + across * columns, CHANNELS)
        return aligned_empty(shape, np.float32)

    def tiles(self, padded: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        """The tiles of what `pad` made, (1, rows, columns, 9) each, row by row."""
        for row in range(self.counts[0]):
            for column in range(self.counts[1]):
                top, left = row * self.cores[0], column * self.cores[1]
                yield padded[None, top : top + self.sides[0], left : left + self.sides[1]]

    def join(self, cores: Iterator[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The scene (rows, columns) of its tiles' cores, which come row by row."""
        rows = [
            np.concatenate([next(cores) for _ in range(self.counts[1])], axis=1)
            for _ in range(self.counts[0])
        ]
        (top, left), (height, width) = self.first, self.shape
        return np.concatenate(rows)[top : top + height, left : left + width]


def require_usable_side(side: int | None) -> None:
    """Raise UnusableInput where tiles of this side have no core, or do not lie on the grid."""
    smallest = 2 * HALO + STRIDE
    if side is not None and (side % STRIDE or side < smallest):
        raise UnusableInput(
            f"tiles of {side} pixels cannot be used: give a multiple of {STRIDE}, at least "
            f"{smallest} (--tile), since {HALO} at each border are overlap"
        )


def _cut(length: int, side: int | None) -> tuple[int, int, int]:
    """Side of a tile, beginning of the scene in the first core, and number of tiles, one way."""
    tiles = -(-length // _PUBLISHED_STEP)
    published_padding = tiles * _PUBLISHED_STEP + _PUBLISHED_BORDERS - length
    first = published_padding // 2 % STRIDE
    whole = 2 * HALO - (-(first + length) // STRIDE) * STRIDE
    side = whole if side is None else min(side, whole)
    return side, first, -(-(first + length) // (side - 2 * HALO))
