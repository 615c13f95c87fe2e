"""Named sizes of the SLSTR workload. Each docstring says what to expect of it."""

from collections.abc import Callable
from dataclasses import dataclass

from workloads.slstr.product import FULL, Grid

SMALL = Grid(256, 320)
SIZES = {"full": FULL, "small": SMALL}


@dataclass(frozen=True)
class Preset:
    """How many synthetic scenes of which size, and the side of the patches that training takes."""

    scenes: int
    size: Grid
    patch_size: int


def tiny() -> Preset:
    """For integration tests: 6 scenes of 96x128 km; seconds, 6 MB of archives."""
    return Preset(scenes=6, size=Grid(96, 128), patch_size=32)


def smoke() -> Preset:
    """For machines without an accelerator: 30 scenes of 256x320 km.

    About 20 s of one processor to draw, 125 MB of archives.
    """
    return Preset(scenes=30, size=SMALL, patch_size=128)


def nightly() -> Preset:
    """For a production cluster, every night: 40 full scenes; 3.5 GB of archives, drawn once.

    32 training scenes hold 640 patches of 256 pixels, three quarters of them by day.
    """
    return Preset(scenes=40, size=FULL, patch_size=256)


def published() -> Preset:
    """The original run's 19,400 patches an epoch, drawn: 1,617 full scenes, 145 GB.

    970 of them are for training and by day, with 20 whole patches of 256 pixels each.
    """
    return Preset(scenes=1_617, size=FULL, patch_size=256)


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": tiny,
    "smoke": smoke,
    "nightly": nightly,
    "published": published,
}
