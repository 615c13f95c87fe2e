"""Named sizes of the collectives workload. Each docstring says what to expect of it."""

from collections.abc import Callable
from dataclasses import dataclass

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
SMALLEST_BYTES = 4


@dataclass(frozen=True)
class Preset:
    """The largest message (a power of 4), timed calls for each size, reductions in a call."""

    largest_bytes: int
    calls: int
    repetitions: int

    def message_bytes(self) -> list[int]:
        """Powers of 4 from 4 bytes to the largest message."""
        sizes = [SMALLEST_BYTES]
        while sizes[-1] < self.largest_bytes:
            sizes.append(4 * sizes[-1])
        return sizes


def tiny() -> Preset:
    """For integration tests: messages up to 1 MiB; seconds."""
    return Preset(largest_bytes=MEBIBYTE, calls=5, repetitions=2)


def smoke() -> Preset:
    """For machines without an accelerator: messages up to 4 MiB, under a minute."""
    return Preset(largest_bytes=4 * MEBIBYTE, calls=20, repetitions=4)


def nightly() -> Preset:
    """For a production cluster: messages up to 256 MiB.

    Seconds over NVLink or InfiniBand; over gigabit Ethernet about twenty minutes.
    """
    return Preset(largest_bytes=256 * MEBIBYTE, calls=30, repetitions=5)


def published() -> Preset:
    """The same as nightly: no figures of collectives alone have been published."""
    return nightly()


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": tiny,
    "smoke": smoke,
    "nightly": nightly,
    "published": published,
}
