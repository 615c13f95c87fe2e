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
    """Bytes that this machine can give without swapping; 0 where it does not say."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return 0
