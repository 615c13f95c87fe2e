"""How fast skyline trains and extracts, beside training as PeakLens published it.

Five parts, each with its bound: training speed (the ways take turns; medians), the longest pause of
training (validation aside), accuracy on 100,000 test patches over several seeds, memory of packing
and training, and photographs extracted a second. About half an hour on two cores.

Exit code 0 where all bounds hold, 1 where one does not, 2 where the published way's parts do not
stand to each other as they were found to: then its ratios judge nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks._shared import machine, memory
from tests.benchmarks._shared.verdicts import Verdict, conclude
from tests.benchmarks._skyline import accuracy, extraction, speed, suite
from workloads.common.cache import cache_root
from workloads.common.command_line import positive
from workloads.common.devices import Devices, open_devices
from workloads.common.peaks import peak_tflops
from workloads.common.progress import progress_of
from workloads.skyline.chunks import DatasetSize
from workloads.skyline.feeds import FileSource, PackedSource
from workloads.skyline.packing import pack
from workloads.skyline.synthesis import generator_digest, synthesise

PARTS = ("speed", "pauses", "accuracy", "memory", "extraction")
PUBLISHED_PATCHES = 1_699_328
LEAST_RATIOS = {speed.FLOAT32: 1.75, speed.BFLOAT16: 2.6}
LONGEST_PAUSE = 0.02
MOST_POINTS_BELOW = 0.2
MEMORY_BEYOND_DATA = 2**30
LEAST_PHOTOGRAPHS_PER_SECOND = 30.0
# A machine that would have to compute closer to its peak than that is too slow, or too busy.
MOST_OF_THE_MACHINE = 0.7


@dataclass(frozen=True)
class Data:
    """The benchmark's own synthetic dataset, in both forms, and where results of runs may go."""

    patches: Path
    packed: Path
    scratch: Path


def main(arguments: Sequence[str] = ()) -> int:
    """Measure, print tables and verdicts, and return the exit code."""
    options = _options(arguments)
    devices = open_devices(options.gpus, deterministic=False)
    with tempfile.TemporaryDirectory() as scratch:
        data = _data(options, Path(scratch))
        verdicts: list[Verdict] = []
        for part in options.parts:
            verdicts += _MEASURES[part](devices, data, options)
    return conclude(verdicts)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.skyline",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (default: all)"
    )
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="default: 5")
    parser.add_argument("--seeds", type=positive, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--photographs",
        type=positive,
        default=1_024,
        metavar="N",
        help="of the dataset, with 40 training and 98 test patches for each (default: 1,024)",
    )
    parser.add_argument("--gpus", type=int, metavar="N", help="0 or 1 (default: all there are)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where the dataset is kept")
    return parser.parse_args(arguments)


def _data(options: argparse.Namespace, scratch: Path) -> Data:
    """Draw and pack the dataset where it is missing."""
    count = options.photographs
    size = DatasetSize(count, training=40 * count, validation=count, testing=98 * count)
    name = f"benchmark-{count}-{generator_digest()}"
    folder = cache_root(options.cache) / "skyline" / name
    with progress_of("drawing", count, "photographs") as advance:
        synthesise(folder / "patches", size, 1, advance)
    with progress_of("packing", 139 * count, "patches") as advance:
        pack(folder / "patches", folder / "packed", 1, advance=advance)
    return Data(folder / "patches", folder / "packed", scratch)


def _speed(devices: Devices, data: Data, options: argparse.Namespace) -> list[Verdict]:
    with progress_of("speed", options.rounds, "rounds") as advance:
        found = speed.measure(devices, data.patches, data.packed, options.rounds, advance)
    _print_speeds(devices, found)
    reproduction = found.reproduction()
    if not found.on_gpu and reproduction.refused:
        return [reproduction]
    return [_speed_verdict(found, way, least) for way, least in LEAST_RATIOS.items()]


def _speed_verdict(found: speed.Speeds, way: str, least: float) -> Verdict:
    if way not in found.costs:
        return Verdict(f"{way}: the processor has no arithmetic for it", None)
    ratio = found.ratio(way, speed.PUBLISHED, found.clock)
    text = f"{way}: {ratio:.2f} times the published way, at least {least}"
    return Verdict(text, None if found.on_gpu else ratio >= least)


def _print_speeds(devices: Devices, found: speed.Speeds) -> None:
    columns = ("images/s", "images per CPU-second", "× published", "of the machine", "epoch")
    table = Table("way", *columns, title=f"Training on {devices.names[0]}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for way in found.costs:
        rate = found.rate(way, "wall")
        table.add_row(
            way,
            f"{rate:,.0f}",
            f"{found.rate(way, 'cpu'):,.0f}",
            f"{found.ratio(way, speed.PUBLISHED, found.clock):.2f}",
            ""
            if way == speed.INPUT
            else f"{found.flops_per_second(way) / found.matrix_rate():.0%}",
            f"{PUBLISHED_PATCHES / rate:,.0f} s",
        )
    Console(width=110).print(table)
    clock = "second" if found.on_gpu else "CPU-second"
    gigaflops = found.matrix_rate() / 1e9
    print(f"of the machine: its float32 matrix products make {gigaflops:,.0f} GFLOP per {clock};")
    print(f"epoch: of the published {PUBLISHED_PATCHES:,} patches, without validation")
    peak = peak_tflops(devices.names[0], "float32")
    if found.on_gpu and peak:
        share = found.flops_per_second(speed.FLOAT32) / (peak * 1e12)
        print(f"model FLOP utilisation of {speed.FLOAT32}: {share:.2%} of {peak} TFLOP/s")


def _pauses(devices: Devices, data: Data, options: argparse.Namespace) -> list[Verdict]:
    del options
    sources = {
        "packed": PackedSource(data.packed, seed=1),
        "files": FileSource(data.patches, seed=1, prefetch_to_device=False),
    }
    verdicts = []
    for pipeline, source in sources.items():
        share = suite.longest_pause(devices, source, data.scratch / f"pauses-{pipeline}")
        text = f"longest pause of training, {pipeline}: {share:.2%} of an epoch"
        verdicts.append(Verdict(f"{text}, at most {LONGEST_PAUSE:.0%}", share <= LONGEST_PAUSE))
    return verdicts


def _accuracy(devices: Devices, data: Data, options: argparse.Namespace) -> list[Verdict]:
    verdicts = []
    for precision in ("float32", "mixed_bfloat16"):
        if precision != "float32" and not machine.has_bfloat16(devices):
            continue
        with progress_of(f"accuracy, {precision}", options.seeds, "seeds") as advance:
            found = accuracy.compare(
                devices, data.patches, data.packed, options.seeds, precision, advance
            )
        for way, values in (("published", found.published), ("suite", found.suite)):
            print(f"test accuracy, {way}: {', '.join(f'{value:.4f}' for value in values)}")
        text = (
            f"test accuracy after {accuracy.EPOCHS} epochs, {precision}: "
            f"{found.difference:+.2f} percentage points, at most {MOST_POINTS_BELOW} below"
        )
        verdicts.append(Verdict(text, found.difference >= -MOST_POINTS_BELOW))
    return verdicts


def _memory(devices: Devices, data: Data, options: argparse.Namespace) -> list[Verdict]:
    packed = data.scratch / "packed"
    source = ("--data", data.patches, "--cache", data.scratch / "cache")
    packing = memory.peak_bytes("skyline", "pack", *source, "--output", packed)
    size = memory.size_on_disk(packed)
    gpus = ("--gpus", str(devices.gpus))
    run = ("--data", packed, "--output", data.scratch / "run", "--epochs", "1", *gpus)
    training = memory.peak_bytes("skyline", "train", *run, "--no-telemetry")
    limit = size + MEMORY_BEYOND_DATA
    return [
        Verdict(
            f"{name} takes {peak / 2**20:,.0f} MiB, the packed set {size / 2**20:,.0f} MiB; "
            "at most 1 GiB more",
            peak <= limit,
        )
        for name, peak in (("packing", packing), ("training", training))
    ]


def _extraction(devices: Devices, data: Data, options: argparse.Namespace) -> list[Verdict]:
    with progress_of("extraction", options.rounds, "rounds") as advance:
        found = extraction.measure(
            devices, data.patches, data.scratch / "skylines", options.rounds, advance
        )
    rate, limit = found.by_the_clock(), found.limit()
    text = (
        f"extraction: {rate:.1f} photographs a second ({found.by_processors():.1f} per "
        f"CPU-second), {rate / limit:.0%} of what this machine's matrix products allow now; "
        f"at least {LEAST_PHOTOGRAPHS_PER_SECOND:.0f}"
    )
    if rate >= LEAST_PHOTOGRAPHS_PER_SECOND:
        return [Verdict(text, True)]
    if MOST_OF_THE_MACHINE * limit < LEAST_PHOTOGRAPHS_PER_SECOND:
        reason = f"the network alone would make {limit:.0f} at the rate of matrix products"
        return [Verdict(f"{text}; {reason}", None)]
    return [Verdict(text, False)]


_MEASURES = {
    "speed": _speed,
    "pauses": _pauses,
    "accuracy": _accuracy,
    "memory": _memory,
    "extraction": _extraction,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
