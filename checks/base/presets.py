"""The named sizes of every workload, and the time that a case of each may take."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limits:
    """Longest time running and in the queue, in ReFrame's notation, and whether the run is long
    enough for its accuracy to be held against floors and ceilings."""

    time_limit: str
    max_pending_time: str
    judges_accuracy: bool = True


PRESETS = {
    "tiny": Limits("5m", "10m", judges_accuracy=False),
    "smoke": Limits("10m", "10m"),
    "nightly": Limits("1h", "8h"),
    "published": Limits("24h", "8h"),
}


def limits(preset: str) -> Limits:
    """The limits of a preset. Raises ValueError, naming those there are, where there is no such."""
    if preset not in PRESETS:
        raise ValueError(f"there is no preset {preset!r}: choose one of {', '.join(PRESETS)}")

    return PRESETS[preset]


def default_preset(partitions: Iterable[Any]) -> str:
    """`nightly` on a cluster or where there is a GPU, `smoke` on a machine with neither."""
    for partition in partitions:
        gpus = any(device.device_type == "gpu" for device in partition.devices)
        if gpus or not partition.scheduler.is_local:
            return "nightly"

    return "smoke"
