"""Patches of a share: read from the scenes' files when they are first asked for, and then kept."""

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workloads.common.devices import Devices
from workloads.common.errors import UnusableInput
from workloads.common.host_memory import available_memory
from workloads.slstr.patches import PatchReader
from workloads.slstr.product import CHANNELS

Patch = tuple[NDArray[np.floating], NDArray[np.uint8]]


class PatchCache:
    """Reads the patches `numbers` by their position in that list, and keeps what was read.

    `buffer` holds `patch_bytes(reader)` for each of them; None keeps nothing.
    """

    def __init__(
        self, reader: PatchReader, numbers: NDArray[np.int64], buffer: NDArray[np.uint8] | None
    ) -> None:
        self._reader, self._numbers, self._buffer = reader, numbers, buffer
        self._is_kept = np.zeros(len(numbers), bool)

    def read(self, position: int) -> Patch:
        """Channels (side, side, 9) and Bayesian mask (side, side) of a patch."""
        if self._buffer is None:
            return self._reader.read(int(self._numbers[position]))
        side = self._reader.patch_size
        size = patch_bytes(self._reader)
        place = self._buffer[position * size : (position + 1) * size]
        channels = place[: -side * side].view(self._reader.dtype).reshape(side, side, CHANNELS)
        target = place[-side * side :].reshape(side, side)
        if not self._is_kept[position]:
            channels[...], target[...] = self._reader.read(int(self._numbers[position]))
            # Last: another thread may ask for the same patch meanwhile.
            self._is_kept[position] = True
        return channels, target


def patch_bytes(reader: PatchReader) -> int:
    """What a patch takes: its channels and its mask."""
    return reader.patch_size**2 * (CHANNELS * reader.dtype.itemsize + 1)


def require_memory(devices: Devices, size: int) -> None:
    """Raise UnusableInput where the processes of this node cannot keep `size` bytes each."""
    needed = size * len(devices.group.local_ranks)
    available = available_memory()
    if needed > available:
        raise UnusableInput(
            f"the patches take {needed / 2**30:.1f} GiB of this node's memory, of which "
            f"{available / 2**30:.1f} are free: give --cache disk or none, or convert with "
            "--packing float16"
        )


def on_disk(folder: Path, size: int) -> NDArray[np.uint8]:
    """A buffer of `size` bytes in a file in `folder`, which ends with the process.

    Raises OSError where there is no room for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder, prefix=".patches.") as file:
        try:
            # Now: a full disk would end the process by a signal when a page is written.
            os.posix_fallocate(file.fileno(), 0, max(1, size))
        except OSError as error:
            error.filename = str(folder)
            raise
        return np.frombuffer(mmap.mmap(file.fileno(), max(1, size)), np.uint8, size)
