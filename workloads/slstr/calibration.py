"""From the bytes of packed integers to physical quantities, compiled.

Pixels come in pieces, with the bytes of a value apart (see chunk_reading.Piece): putting them
together, scaling and taking the mean of a block happen in one pass over the memory.
"""

import math
from typing import Any

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from workloads.slstr.chunk_reading import Piece
from workloads.slstr.scene_reading import Packing

Plane = NDArray[np.float32]
Detectors = NDArray[np.uint8]
Factors = NDArray[np.float32]

# Shuffled bytes lie plane by plane, others one value after the other: each has its own machine
# code, compiled when the module is loaded for the first time.
_PLANE = types.Array(types.float32, 2, "C")
_SHUFFLED, _INTERLEAVED = (types.Array(types.uint8, 3, layout) for layout in ("C", "A"))
_DETECTORS = types.Array(types.uint8, 2, "C")
_FACTORS = types.Array(types.float32, 1, "C")
_PLACE = (types.intp, types.intp)
_SCALING = (types.float32, types.float32, types.int16)


def add_brightness_temperature(temperature: Plane, piece: Piece, packing: Packing) -> None:
    """Write a piece's brightness temperatures in kelvin into `temperature` (rows, columns).

    Pixels that are not filled become NaN.
    """
    _scale(piece.bytes_of, piece.row, piece.column, *_arguments(packing), temperature)


def add_reflectance(
    reflectance: Plane, piece: Piece, packing: Packing, detectors: Detectors, factors: Factors
) -> None:
    """Write a piece's reflectances, before the sun's height, into `reflectance` (rows, columns).

    Both on the 500 m grid, as `detectors`; `factors` are those of the detectors. Pixels that are
    not filled, or seen by a detector that has no factor, become NaN.
    """
    _reflect(
        piece.bytes_of,
        piece.row,
        piece.column,
        *_arguments(packing),
        detectors,
        factors,
        reflectance,
    )


def add_mean_reflectance(
    reflectance: Plane,
    piece: Piece,
    packing: Packing,
    detectors: Detectors,
    factors: Factors,
    cosine: Plane,
) -> None:
    """Write the reflectances of a piece's blocks of 2x2 pixels into `reflectance`.

    `reflectance` and `cosine`, that of the solar zenith angle, are on the 1 km grid; the piece and
    `detectors` (rows, columns) on the 500 m grid. The mean is that of the filled pixels alone; NaN
    where none is, or `cosine` is NaN.
    """
    _reflect_blocks(
        piece.bytes_of,
        piece.row,
        piece.column,
        *_arguments(packing),
        detectors,
        factors,
        cosine,
        reflectance,
    )


def factors_of(irradiances: NDArray[np.floating[Any]]) -> Factors:
    """pi over the solar irradiance of each detector."""
    return (np.pi / irradiances).astype(np.float32)


def _arguments(packing: Packing) -> tuple[np.float32, np.float32, np.int16]:
    return np.float32(packing.scale), np.float32(packing.offset), np.int16(packing.fill)


# The loops over one row are kept apart and simple, so that the compiler makes them vector code: it
# takes no look-up in a table, but a choice between two values for each detector.


@njit(inline="always")
def _scale_row(low, high, scale, offset, fill, row):
    for column in range(row.size):
        raw = np.int16(low[column] | np.uint16(high[column]) << np.uint16(8))
        value = np.float32(raw) * scale + offset
        row[column] = np.float32(math.nan) if raw == fill else value


@njit(inline="always")
def _apply_factors(detectors, factors, row_factors, row):
    row_factors[:] = np.float32(math.nan)
    for detector in range(factors.size):
        factor = factors[detector]
        for column in range(row.size):
            other = row_factors[column]
            row_factors[column] = factor if detectors[column] == detector else other
    for column in range(row.size):
        row[column] *= row_factors[column]


@njit(inline="always")
def _add_pairs(row, total, filled):
    for column in range(total.size):
        left, right = row[2 * column], row[2 * column + 1]
        total[column] += left if left == left else np.float32(0)
        total[column] += right if right == right else np.float32(0)
        filled[column] += np.float32(1) if left == left else np.float32(0)
        filled[column] += np.float32(1) if right == right else np.float32(0)


@njit(
    [types.void(each, *_PLACE, *_SCALING, _PLANE) for each in (_SHUFFLED, _INTERLEAVED)],
    cache=True,
)
def _scale(bytes_of, first_row, first_column, scale, offset, fill, out):
    columns = min(bytes_of.shape[2], out.shape[1] - first_column)
    for row in range(min(bytes_of.shape[1], out.shape[0] - first_row)):
        place = out[first_row + row, first_column : first_column + columns]
        _scale_row(bytes_of[0, row], bytes_of[1, row], scale, offset, fill, place)


@njit(
    [
        types.void(each, *_PLACE, *_SCALING, _DETECTORS, _FACTORS, _PLANE)
        for each in (_SHUFFLED, _INTERLEAVED)
    ],
    cache=True,
)
def _reflect(bytes_of, first_row, first_column, scale, offset, fill, detectors, factors, out):
    columns = min(bytes_of.shape[2], out.shape[1] - first_column)
    row_factors = np.empty(columns, np.float32)
    for row in range(min(bytes_of.shape[1], out.shape[0] - first_row)):
        place = out[first_row + row, first_column : first_column + columns]
        seen_by = detectors[first_row + row, first_column : first_column + columns]
        _scale_row(bytes_of[0, row], bytes_of[1, row], scale, offset, fill, place)
        _apply_factors(seen_by, factors, row_factors, place)


@njit(
    [
        types.void(each, *_PLACE, *_SCALING, _DETECTORS, _FACTORS, _PLANE, _PLANE)
        for each in (_SHUFFLED, _INTERLEAVED)
    ],
    cache=True,
    error_model="numpy",
)
def _reflect_blocks(
    bytes_of, first_row, first_column, scale, offset, fill, detectors, factors, cosine, out
):
    top, left = first_row // 2, first_column // 2
    columns = min(bytes_of.shape[2] // 2, out.shape[1] - left)
    native, row_factors = np.empty(2 * columns, np.float32), np.empty(2 * columns, np.float32)
    total, filled = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for block in range(min(bytes_of.shape[1] // 2, out.shape[0] - top)):
        total[:] = np.float32(0)
        filled[:] = np.float32(0)
        for row in (2 * block, 2 * block + 1):
            seen_by = detectors[first_row + row, first_column : first_column + 2 * columns]
            _scale_row(bytes_of[0, row], bytes_of[1, row], scale, offset, fill, native)
            _apply_factors(seen_by, factors, row_factors, native)
            _add_pairs(native, total, filled)
        place = out[top + block, left : left + columns]
        height = cosine[top + block, left : left + columns]
        for column in range(columns):
            place[column] = total[column] / (filled[column] * height[column])
