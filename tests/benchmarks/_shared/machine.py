"""The machine that a benchmark runs on: what work costs there, and what it can do at most."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from workloads.common.devices import Devices

MATRIX_SIDE = 2048
# Of /proc/cpuinfo; without them bfloat16 is emulated, and slower than float32.
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


class Cost(NamedTuple):
    """What some work took, in seconds by the clock and of all processors together."""

    wall: float
    cpu: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Do some work and say what it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def matrix_product_flops(
    repeats: int = 10, dtype: str = "float32"
) -> tuple[int, Callable[[], object]]:
    """Operations of some large matrix products, and the work that makes them."""
    matrix = tf.cast(tf.random.normal((MATRIX_SIDE, MATRIX_SIDE)), dtype)

    def multiply() -> None:
        for _ in range(repeats):
            product = tf.matmul(matrix, matrix)
        product.numpy()

    multiply()
    return repeats * 2 * MATRIX_SIDE**3, multiply


def has_bfloat16(devices: Devices) -> bool:
    """Whether the devices have arithmetic in bfloat16."""
    if devices.gpus:
        details = [
            tf.config.experimental.get_device_details(gpu)
            for gpu in tf.config.get_visible_devices("GPU")
        ]
        return all(each.get("compute_capability", (0, 0)) >= (8, 0) for each in details)
    flags = set()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, values = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            flags |= set(values.split())
    return bool(flags & BFLOAT16_FLAGS)
