"""Writing an HDF5 file whole or not at all, with errors that say what is wrong."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import h5py

from workloads.common.writing import replacing


@contextlib.contextmanager
def replacing_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill; it is at `path` when the block has succeeded.

    It is put together in memory and written by plain system calls: a full disk in the middle of
    the library's own writing leaves it unable to close the file, with an error that names neither
    cause nor file. So a file written this way must fit in memory, twice.
    """
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        yield file
    with replacing(path) as temporary:
        temporary.write_bytes(content.getbuffer())
