"""Named sizes of the container workload. Each docstring says what to expect of it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """`training` is the preset that the measured workload is trained with."""

    training: str


def tiny() -> Preset:
    """For integration tests: trainings of seconds, too short for their speed to say much."""
    return Preset("tiny")


def smoke() -> Preset:
    """For machines without an accelerator: five runs of each take six minutes on two cores."""
    return Preset("smoke")


def nightly() -> Preset:
    """For a production cluster: 120 s measured in every run, half an hour for five of each."""
    return Preset("nightly")


def published() -> Preset:
    """The same as nightly: what a container costs has not been published."""
    return nightly()


PRESETS: dict[str, Callable[[], Preset]] = {
    "tiny": tiny,
    "smoke": smoke,
    "nightly": nightly,
    "published": published,
}
