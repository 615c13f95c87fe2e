"""Memory of the host: how much is free, and arrays that TensorFlow computes on where they lie."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike, NDArray

# TensorFlow's vectorised operations take nothing that lies otherwise.
ALIGNMENT = 64


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An uninitialised array that `tensor_of` can hand to TensorFlow without a copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.empty(size + ALIGNMENT, np.uint8)
    first = -block.ctypes.data % ALIGNMENT
    return block[first : first + size].view(dtype).reshape(shape)


def tensor_of(array: NDArray[Any]) -> tf.Tensor:
    """A tensor of the CPU on the memory of `array`, which must not be changed from then on.

    A dataset as large as the memory of the machine is there once, where `tf.constant` takes up to
    three times its size on the way. An array that is not aligned is copied.
    """
    if array.ctypes.data % ALIGNMENT or not array.flags.c_contiguous or not array.size:
        with tf.device("CPU"):
            return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def available_memory() -> int:
    """Bytes that this process can get without swapping; 0 where the machine does not say.

    That is what the machine has, or less where a batch job has a limit.
    """
    left = _left_by_control_groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return min([int(rest.split()[0]) * 1024, *left])
    return 0


def _left_by_control_groups(membership: Path, root: Path) -> list[int]:
    """What each memory limit of the process's control groups (version 2) leaves, in bytes."""
    left = []
    try:
        [own] = [line[3:] for line in membership.read_text().splitlines() if line[:3] == "0::"]
    except (OSError, ValueError):
        return []
    group = root / own.lstrip("/")
    for folder in (group, *group.parents):
        try:
            limit = int((folder / "memory.max").read_text())
            used = int((folder / "memory.current").read_text())
            statistics = (folder / "memory.stat").read_text().split()
            # Pages of files are counted, and given up when they are wanted.
            files = int(statistics[statistics.index("file") + 1])
        except (OSError, ValueError, IndexError):
            continue
        left.append(max(0, limit - used + files))
    return left
