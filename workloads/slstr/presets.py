"""Named sizes of the SLSTR workload. Each docstring says what to expect of it."""

from collections.abc import Callable
from dataclasses import dataclass

from workloads.common.limits import Limits
from workloads.slstr.product import FULL, Grid

SMALL = Grid(256, 384)
SIZES = {"full": FULL, "small": SMALL}


@dataclass(frozen=True)
class Preset:
    """How many synthetic scenes of which size, the patches of training, and when that ends.

    `patch_size` is their side in pixels, `batch_size` how many each replica takes in a step.
    """

    scenes: int
    size: Grid
    patch_size: int
    limits: Limits
    batch_size: int = 32
    steps_per_execution: int = 1
    deterministic: bool = False


def tiny() -> Preset:
    """For integration tests: 6 scenes of 96x128 km; seconds, 6 MB of archives."""
    return Preset(
        scenes=6,
        size=Grid(96, 128),
        patch_size=32,
        limits=Limits(epochs=26, patience=26, warmup_steps=4, max_steps=104),
        # So few that four replicas still make a hundred steps.
        batch_size=2,
        deterministic=True,
    )


def smoke() -> Preset:
    """For machines without an accelerator: 40 scenes of 256x384 km, 30 of them by day.

    All stages from nothing in 75 s on two cores at 2.6 GHz that have AVX-512, of which training
    takes 50; accuracy 0.93 against the truth, 200 MB of archives, under 2 GiB of memory.
    """
    return Preset(
        scenes=40,
        size=SMALL,
        patch_size=128,
        limits=Limits(epochs=8, patience=10, warmup_steps=28),
        batch_size=4,
        deterministic=True,
    )


def nightly() -> Preset:
    """For a production cluster, every night: 120 s of measured steady state on any hardware.

    80 full scenes; 8.2 GB of archives, drawn once. 38 of them, by day, are trained on: 1,140
    patches of 256 pixels, a batch for 32 GPUs, which take 2.8 GB of memory.
    """
    return Preset(
        scenes=80,
        size=FULL,
        patch_size=256,
        limits=Limits(epochs=10_000, patience=10_000, warmup_steps=24, measured_seconds=120.0),
    )


def published() -> Preset:
    """The original run's 19,400 patches an epoch, drawn: 1,347 full scenes, 139 GB.

    647 of them, by day, are trained on, with 30 patches of 256 pixels each. Published: 30 epochs
    in 4,687 s on one V100 of a DGX-2 and in 562 s on 16, with an accuracy of 0.82 to 0.88.
    """
    return Preset(
        scenes=1_347,
        size=FULL,
        patch_size=256,
        limits=Limits(epochs=30, patience=30, warmup_steps=606),
    )


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": tiny,
    "smoke": smoke,
    "nightly": nightly,
    "published": published,
}
