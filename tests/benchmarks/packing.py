"""How fast JPEG patches are packed, beside decoding the same files one by one with Pillow.

The two take turns on the same files, five times; the table gives medians, and the ratio of each
pair. The files are in the page cache: this measures the program, not the disk.
"""

import argparse
import os
import resource
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


def _cpu_seconds() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _measure(work: Callable[[], int]) -> tuple[float, float]:
    """Images a wall second and a CPU second."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    images = work()
    return images / (time.perf_counter() - wall), images / (_cpu_seconds() - cpu)


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
        measured = []
        for repeat in range(REPEATS):
            packed = Path(folder) / f"packed-{repeat}"
            ours = _measure(lambda target=packed: pack(root, target, seed=1)[1])
            measured.append((ours, _measure(lambda: _decode_with_pillow(root))))
    table = Table("", "packing", "Pillow, one process", "ratio", title="JPEG patches a second")
    for index, clock in enumerate(("wall", "CPU")):
        ours, theirs = ([pair[side][index] for pair in measured] for side in (0, 1))
        ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
        row = f"{statistics.median(ours):,.0f}", f"{statistics.median(theirs):,.0f}", f"{ratio:.2f}"
        table.add_row(f"{clock} second", *row)
    Console(width=100).print(table)
    print(
        f"{SIZE.training + SIZE.validation + SIZE.testing:,} patches, {REPEATS} interleaved runs,"
    )
    print(f"{len(os.sched_getaffinity(0))} processors; packing verifies a digest and writes HDF5")
    return 0


if __name__ == "__main__":
    sys.exit(main())
