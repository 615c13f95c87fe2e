"""Named sizes of the skyline workload. Each docstring says what to expect of it.

Times are of synthesis, packing, training and evaluation together.
"""

from collections.abc import Callable
from dataclasses import dataclass

from workloads.common.limits import Limits
from workloads.skyline.chunks import DatasetSize


@dataclass(frozen=True)
class Preset:
    """A dataset's size, and when training on it ends."""

    size: DatasetSize
    limits: Limits
    global_batch: int = 256
    steps_per_execution: int = 32
    deterministic: bool = False


def tiny() -> Preset:
    """For integration tests: 1,024 patches, 112 steps, no meaningful accuracy; seconds."""
    return Preset(
        DatasetSize(photographs=16, training=1_024, validation=512, testing=512),
        Limits(epochs=7, patience=10, warmup_steps=16),
        global_batch=64,
        steps_per_execution=8,
        deterministic=True,
    )


def smoke() -> Preset:
    """For machines without an accelerator: 20,480 training patches of 256 photographs.

    About 90 s on two cores from nothing; test accuracy 0.90 and more; 30 MB of JPEGs, 78 MB
    packed, under 2 GiB of memory.
    """
    return Preset(
        DatasetSize(photographs=256, training=16_384, validation=4_096, testing=4_096),
        Limits(epochs=4, patience=10, warmup_steps=32),
        deterministic=True,
    )


def nightly() -> Preset:
    """For a production cluster, every night: 120 s of measured steady state on any hardware.

    262,144 training patches of 2,048 photographs, 1 GB packed; the first night also draws and
    packs them (two to five minutes of one node).
    """
    return Preset(
        DatasetSize(photographs=2_048, training=262_144, validation=65_536, testing=65_536),
        Limits(epochs=10_000, patience=10_000, warmup_steps=256, measured_seconds=120.0),
        steps_per_execution=128,
    )


def published() -> Preset:
    """The original run in full: 1,699,328 training patches of 8,856 photographs, 6.7 GB packed.

    Published: 356 to 464 s for five epochs from SSD and 2,169 to 3,824 s from network storage on
    one GeForce GTX 1080 Ti, test accuracy 0.932 after five epochs.
    """
    return Preset(
        DatasetSize(photographs=8_856, training=1_699_328, validation=424_448, testing=530_944),
        Limits(epochs=100, patience=10, warmup_steps=6_638),
        steps_per_execution=128,
    )


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": tiny,
    "smoke": smoke,
    "nightly": nightly,
    "published": published,
}
