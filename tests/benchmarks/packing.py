"""How fast JPEG patches are packed, beside decoding the same files one by one with Pillow.

The two take turns on the same files, five times; the table gives medians, and the ratio of each
pair. The files are in the page cache: this measures the program, not the disk.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from workloads.skyline.chunks import DatasetSize
from workloads.skyline.layout import SPLITS, list_patches
from workloads.skyline.packing import pack
from workloads.skyline.synthesis import synthesise

REPEATS = 5
SIZE = DatasetSize(photographs=512, training=40_960, validation=10_240, testing=10_240)


def _rate(work: Callable[[], int], clock: Callable[[], float]) -> float:
    """Images a second by `clock`."""
    started = clock()
    images = work()
    return images / (clock() - started)


def _decode_with_pillow(root: Path) -> int:
    patches = [patch for split in SPLITS for patch in list_patches(root, split)]
    for patch in patches:
        with Image.open(root / patch.name) as image:
            np.asarray(image.convert("RGB"))
    return len(patches)


def main() -> int:
    """Print the table; always 0, because a benchmark judges nothing."""
    argparse.ArgumentParser(
        prog="python -m tests.benchmarks.packing", description=__doc__
    ).parse_args(sys.argv[1:] if __name__ == "__main__" else [])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "patches"
        synthesise(root, SIZE, seed=1)
        rows = [_round(root, Path(folder) / f"packed-{number}") for number in range(REPEATS)]
    table = Table("", "packing", "Pillow, one process", "ratio", title="JPEG patches a second")
    for name in rows[0]:
        ours, theirs = zip(*(row[name] for row in rows), strict=True)
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        medians = (f"{statistics.median(each):,.0f}" for each in (ours, theirs))
        table.add_row(name, *medians, f"{ratio:.2f}")
    Console(width=100).print(table)
    patches = SIZE.training + SIZE.validation + SIZE.testing
    processors = len(os.sched_getaffinity(0))
    print(f"{patches:,} patches, {REPEATS} interleaved runs, {processors} processors;")
    print("packing verifies a digest and writes HDF5")
    return 0


def _round(root: Path, target: Path) -> dict[str, tuple[float, float]]:
    """One turn of each: images a second, packing and Pillow, by wall clock and by CPU time.

    CPU time is taken with one process, because a pool's processes are nobody's children.
    """
    pooled = _rate(lambda: pack(root, target, seed=1)[1], time.perf_counter)
    wall = _rate(lambda: _decode_with_pillow(root), time.perf_counter)
    alone = target.with_name(f"{target.name}-alone")
    single = _rate(lambda: pack(root, alone, seed=1, processes=1)[1], time.process_time)
    return {
        "wall second, all processors": (pooled, wall),
        "CPU second, one process": (
            single,
            _rate(lambda: _decode_with_pillow(root), time.process_time),
        ),
    }


if __name__ == "__main__":
    sys.exit(main())
