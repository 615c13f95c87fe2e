"""Choosing how a split reaches the devices: resident, streamed from memory, or read from files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workloads.common.data_order import Share
from workloads.common.devices import Devices
from workloads.common.errors import UnusableInput
from workloads.common.host_memory import available_memory, tensor_of
from workloads.common.inputs import Feed, ResidentFeed, StreamFeed
from workloads.common.telemetry.gpu_devices import local_gpus
from workloads.common.telemetry.gpu_state import GpuLost, free_memory_bytes


class Kind(NamedTuple):
    """Type and shape of an array."""

    dtype: Any
    shape: tuple[int, ...]


# The rest is for weights, activations and the framework itself.
RESIDENT_SHARE_OF_MEMORY = 0.5


def memory_feed(
    devices: Devices,
    shares: list[Share],
    columns: list[tuple[NDArray[Any], NDArray[Any]]],
) -> Feed:
    """Feed arrays in memory: (inputs, targets) of each local replica, by position in its share.

    They are put on the devices once where they take at most half of a device's free memory.
    """
    largest = max(inputs.nbytes + targets.nbytes for inputs, targets in columns)
    on_host = [(tensor_of(inputs), tensor_of(targets)) for inputs, targets in columns]
    if largest <= RESIDENT_SHARE_OF_MEMORY * _free_device_memory(devices):
        placed = []
        for device, (inputs, targets) in zip(devices.local_placements(), on_host, strict=True):
            with tf.device(device):
                placed.append((tf.identity(inputs), tf.identity(targets)))
        return ResidentFeed(devices, shares, placed)

    def read(replica: int, position: Any) -> tuple[Any, Any]:
        inputs, targets = on_host[replica]
        return tf.gather(inputs, position), tf.gather(targets, position)

    return StreamFeed(devices, shares, read)


def read_feed(
    devices: Devices,
    shares: list[Share],
    read: Callable[[int, int], tuple[NDArray[Any], NDArray[Any]]],
    kinds: tuple[Kind, Kind],
) -> Feed:
    """Feed what `read(replica, position)` returns, called by several threads at a time.

    `kinds` are those of the inputs and targets of one sample. What `read` raises ends the pass.
    """
    problems: list[Exception] = []

    def call(replica: int, position: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        try:
            return read(replica, int(position))
        except Exception as error:
            problems.append(error)
            raise

    def read_tensors(replica: int, position: Any) -> tuple[Any, Any]:
        types = [kind.dtype for kind in kinds]
        tensors = tf.numpy_function(partial(call, replica), [position], types)
        inputs, targets = (
            tf.ensure_shape(tensor, kind.shape) for tensor, kind in zip(tensors, kinds, strict=True)
        )
        return inputs, targets

    return StreamFeed(devices, shares, read_tensors, explain=lambda: problems[0])


def jpeg_feed(
    devices: Devices,
    shares: list[Share],
    names: NDArray[np.object_],
    labels: NDArray[np.uint8],
    shape: tuple[int, int, int],
    prefetch_to_device: bool,
) -> Feed:
    """Feed JPEG files, read and decoded anew in every pass; `names` and `labels` by sample."""
    owned = [
        (tf.constant(names[share.owned]), tf.constant(labels[share.owned])) for share in shares
    ]

    def read(replica: int, position: Any) -> tuple[Any, Any]:
        files, targets = owned[replica]
        # The accurate transform gives the pixels that packing stores: both pipelines train alike.
        content = tf.io.read_file(files[position])
        image = tf.io.decode_jpeg(content, channels=shape[2], dct_method="INTEGER_ACCURATE")
        return tf.ensure_shape(image, shape), targets[position]

    def explain() -> Exception:
        return UnusableInput(f"a JPEG cannot be used: {_first_broken(names, shape)}")

    return StreamFeed(devices, shares, read, prefetch_to_device, explain)


def _first_broken(names: NDArray[np.object_], shape: tuple[int, int, int]) -> str:
    """Name the first file that is not a JPEG of `shape`: TensorFlow's errors do not."""
    for name in names:
        try:
            image = tf.io.decode_jpeg(Path(name).read_bytes(), channels=shape[2])
        except (OSError, tf.errors.InvalidArgumentError):
            return f"{name} is missing or not a readable JPEG"
        if tuple(image.shape) != shape:
            return f"{name} has {image.shape[1]}x{image.shape[0]} pixels, not {shape[1]}x{shape[0]}"
    return "TensorFlow could not read it, but it can be read now: is the storage sound?"


def _free_device_memory(devices: Devices) -> int:
    """Free bytes on the fullest of this process's devices; 0 where that cannot be known."""
    if not devices.gpus:
        return available_memory()
    library, gpus = local_gpus()
    try:
        free = [free_memory_bytes(library, gpu) or 0 for gpu in gpus]
    except GpuLost:
        return 0
    return min(free) if len(free) == len(devices.names) else 0
