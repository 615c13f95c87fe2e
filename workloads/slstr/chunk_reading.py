"""Reading a variable chunk by chunk, as the bytes of its integers.

HDF5's own filters take most of a conversion's time. Where a variable is packed as NetCDF-4 does
it, deflated with or without shuffled bytes, chunks are taken as they lie in the file and inflated
by libdeflate, and bytes are put together where they are used. Whatever else a file holds is read
by HDF5.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import deflate
import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.slstr.scene_reading import Unreadable

Bytes = NDArray[np.uint8]
_DEFLATE, _SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE


class Piece(NamedTuple):
    """Part of a variable, whose first pixel is at (`row`, `column`).

    `bytes_of` (bytes of a value, rows, columns) begins with the lowest byte. At the end of the
    variable it may reach over its edge. `row` and `column` are even.
    """

    row: int
    column: int
    bytes_of: Bytes


def pieces(dataset: h5py.Dataset) -> Iterator[Piece]:
    """Yield a variable (rows, columns) of integers in pieces. Raises Unreadable and OSError."""
    filters = _filters(dataset)
    if not _is_whole_in_blocks(dataset) or filters not in ([_DEFLATE], [_SHUFFLE, _DEFLATE]):
        yield Piece(0, 0, _bytes_of(dataset[...]))
        return
    rows, columns = dataset.chunks
    for row in range(0, dataset.shape[0], rows):
        for column in range(0, dataset.shape[1], columns):
            stored = dataset.id.get_chunk_info_by_coord((row, column))
            if stored.size and not stored.filter_mask:
                content = _inflate_chunk(dataset, row, column, shuffled=_SHUFFLE in filters)
            else:
                # Never written, or written without one of its filters.
                content = _bytes_of(dataset[row : row + rows, column : column + columns])
            yield Piece(row, column, content)


def read(dataset: h5py.Dataset) -> NDArray[Any]:
    """A whole variable (rows, columns) of integers. Raises Unreadable and OSError."""
    whole = np.empty(dataset.shape, dataset.dtype.newbyteorder("<"))
    bytes_of_whole = whole.view(np.uint8).reshape(*whole.shape, whole.itemsize)
    for row, column, bytes_of in pieces(dataset):
        part = bytes_of_whole[row : row + bytes_of.shape[1], column : column + bytes_of.shape[2]]
        for number in range(whole.itemsize):
            part[..., number] = bytes_of[number, : part.shape[0], : part.shape[1]]
    return whole


def _filters(dataset: h5py.Dataset) -> list[int]:
    properties = dataset.id.get_create_plist()
    return [properties.get_filter(number)[0] for number in range(properties.get_nfilters())]


def _is_whole_in_blocks(dataset: h5py.Dataset) -> bool:
    """Whether chunks hold little-endian values, and none begins inside a block of 2x2 pixels."""
    if dataset.chunks is None or dataset.dtype.newbyteorder("<") != dataset.dtype:
        return False
    sizes = zip(dataset.chunks, dataset.shape, strict=True)
    return all(size % 2 == 0 or size >= whole for size, whole in sizes)


def _inflate_chunk(dataset: h5py.Dataset, row: int, column: int, shuffled: bool) -> Bytes:
    rows, columns = dataset.chunks
    width = dataset.dtype.itemsize
    packed = dataset.id.read_direct_chunk((row, column))[1]
    content = np.frombuffer(deflate.zlib_decompress(packed, rows * columns * width), np.uint8)
    if content.size != rows * columns * width:
        raise Unreadable(f"a chunk of {dataset.name.lstrip('/')} is not of its size")
    if shuffled:
        return content.reshape(width, rows, columns)
    return content.reshape(rows, columns, width).transpose(2, 0, 1)


def _bytes_of(values: NDArray[Any]) -> Bytes:
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return little.view(np.uint8).reshape(*values.shape, values.itemsize).transpose(2, 0, 1)
