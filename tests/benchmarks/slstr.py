"""How fast SLSTR runs, beside its stages as they were published.

Four parts, each with its bounds: conversion of scenes, training, inference, and the comparison of
match-ups with buoys. The ways take turns on full scenes; figures are medians of the rounds. All is
measured on the CPU, in about a quarter of an hour on two cores.

Exit code 0 where all bounds hold, 1 where one does not, 2 where the parts of a published way do not
stand to each other as they were found to: then what is relative to it is not judged.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.table import Table

from tests.benchmarks._shared.verdicts import Verdict, conclude
from tests.benchmarks._slstr import conversion, inference, scenes, sst, training
from workloads.common.cache import cache_root
from workloads.common.command_line import positive
from workloads.common.devices import Devices, open_devices
from workloads.common.progress import Advance, progress_of

PARTS = ("conversion", "training", "inference", "sst")


class Found(Protocol):
    """What a part has measured."""

    def table(self) -> Table:
        """The figures, way by way."""

    def verdicts(self) -> list[Verdict]:
        """Whether they hold the bounds."""


@dataclass(frozen=True)
class Place:
    """Where the parts are measured: devices, a folder that is kept, one that is not, rounds."""

    devices: Devices
    cache: Path
    scratch: Path
    rounds: int


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print tables and verdicts, and return the exit code."""
    options = _options(arguments)
    devices = open_devices(0, deterministic=False)
    cache = cache_root(options.cache) / "slstr"
    cache.mkdir(parents=True, exist_ok=True)
    verdicts: list[Verdict] = []
    # Beside the scenes: they fill a folder for temporary files that lies in memory.
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        place = Place(devices, cache, Path(scratch), options.rounds)
        for part in options.parts:
            with progress_of(part, options.rounds, "rounds") as advance:
                found = _MEASURES[part](place, advance)
            Console(width=110).print(found.table())
            verdicts += found.verdicts()
    return conclude(verdicts)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.slstr",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)"
    )
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where the scenes are kept")
    return parser.parse_args(arguments)


def _conversion(place: Place, advance: Advance) -> Found:
    return conversion.measure(scenes.draw(place.cache), place.scratch, place.rounds, advance)


def _training(place: Place, advance: Advance) -> Found:
    return training.measure(place.devices, scenes.draw(place.cache), place.rounds, advance)


def _inference(place: Place, advance: Advance) -> Found:
    drawn = scenes.draw(place.cache)
    return inference.measure(place.devices, drawn, place.scratch, place.rounds, advance)


def _sst(place: Place, advance: Advance) -> Found:
    return sst.measure(place.rounds, advance)


_MEASURES: dict[str, Callable[[Place, Advance], Found]] = {
    "conversion": _conversion,
    "training": _training,
    "inference": _inference,
    "sst": _sst,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
