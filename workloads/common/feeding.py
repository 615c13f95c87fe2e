"""Choosing how a split reaches the devices: resident, streamed from memory, or read from files."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workloads.common.data_order import Share
from workloads.common.devices import Devices
from workloads.common.errors import UnusableInput
from workloads.common.host_memory import tensor_of
from workloads.common.inputs import Feed, ResidentFeed, StreamFeed
from workloads.common.telemetry.gpu_devices import local_gpus
from workloads.common.telemetry.gpu_state import GpuLost, free_memory_bytes

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
        return _available_host_memory()
    library, gpus = local_gpus()
    try:
        free = [free_memory_bytes(library, gpu) or 0 for gpu in gpus]
    except GpuLost:
        return 0
    return min(free) if len(free) == len(devices.names) else 0


def _available_host_memory() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) * 1024
    return 0
