"""Writing an HDF5 file whole or not at all, with errors that say what is wrong."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from workloads.common.writing import replacing


@contextlib.contextmanager
def replacing_hdf5(path: Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file to fill; it is at `path` when the block has succeeded.

    Raises OSError, which names the file, where the disk is full.
    """
    with replacing(path) as temporary, _Forgiving(temporary, "w+") as raw:
        try:
            with h5py.File(raw, "w") as file:
                yield file
        finally:
            if raw.error is not None:
                raw.error.filename = str(path)
                raise raw.error


class _Forgiving(io.FileIO):
    """A file that keeps its first error of writing to itself, and then writes nothing more.

    A full disk in the middle of the library's own writing leaves it unable to close the file, with
    an error that names neither cause nor file.
    """

    error: OSError | None = None

    def write(self, content: Any) -> int:
        left = memoryview(content).cast("B")
        size = left.nbytes
        try:
            while left.nbytes and self.error is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0
