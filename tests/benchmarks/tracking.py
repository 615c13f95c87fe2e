"""How well regressions are told from noise, night after night, and how fast the history is read.

Part `quality`: simulated series are judged every night of a year: false alerts, nights until a step
is found, what is missed. Part `speed`: whole histories are read and judged.

Exit code 0 where all bounds hold, 1 where one does not.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.benchmarks._shared.verdicts import Verdict, conclude
from tests.benchmarks._tracking import quality, speed
from workloads.common.command_line import natural, positive
from workloads.common.progress import progress_of

PARTS = ("quality", "speed")


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print tables and verdicts, and return the exit code."""
    options = _options(arguments)
    verdicts: list[Verdict] = []
    for part in options.parts:
        verdicts += _MEASURES[part](options)
    return conclude(verdicts)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.tracking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)"
    )
    parser.add_argument(
        "--series",
        type=positive,
        default=200,
        metavar="N",
        help="simulated for each kind of noise (default: 200)",
    )
    parser.add_argument(
        "--suites", type=natural, default=3, metavar="N", help="of 200 series (default: 3)"
    )
    parser.add_argument(
        "--processes",
        type=positive,
        default=len(os.sched_getaffinity(0)),
        metavar="N",
        help="that simulate (default: one for each processor)",
    )
    return parser.parse_args(arguments)


def _quality(options: argparse.Namespace) -> list[Verdict]:
    total = quality.count(options.series, options.suites)
    with progress_of("quality", total, "simulations") as advance:
        found = quality.measure(options.series, options.suites, options.processes, advance)
    for table in found.tables():
        Console(width=110).print(table)
    return found.verdicts()


def _speed(options: argparse.Namespace) -> list[Verdict]:
    del options
    with tempfile.TemporaryDirectory() as scratch:
        found = speed.measure(Path(scratch))
    Console(width=110).print(found.table())
    return found.verdicts()


_MEASURES = {"quality": _quality, "speed": _speed}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
