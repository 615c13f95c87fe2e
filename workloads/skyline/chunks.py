"""How a dataset is divided among photographs, and how one chunk of photographs is written.

A chunk is the unit of work and of resumption. Whatever it writes depends on the plan and the
number of the chunk alone.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from workloads.common.digests import FileSetDigest
from workloads.common.writing import write_json
from workloads.skyline.landscape import draw_landscape
from workloads.skyline.layout import CLASSES, SPLITS
from workloads.skyline.patches import cut_patches

PHOTOGRAPHS_PER_CHUNK = 16
PATCH_QUALITY = 95
_SPLIT_STREAM, _PATCH_STREAM = 0, 2


@dataclass(frozen=True)
class DatasetSize:
    """How many photographs of which size, and how many patches in each split."""

    photographs: int
    training: int
    validation: int
    testing: int
    height: int = 240
    width: int = 320


@dataclass(frozen=True)
class Task:
    """One photograph: its number, its split, and how many patches it gives."""

    index: int
    split: str
    positives: int
    negatives: int


def plan(size: DatasetSize, seed: int) -> list[Task]:
    """Assign photographs to splits (80/20 for testing, then 80/20 for validation) and patches.

    Patches are spread evenly over the photographs of their split, half positive, half negative.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT_STREAM,)))
    testing = max(1, round(0.2 * size.photographs))
    validation = max(1, round(0.2 * (size.photographs - testing)))
    order = rng.permutation(size.photographs)
    shares = np.split(order, [size.photographs - testing - validation, size.photographs - testing])
    tasks = []
    for split, members in zip(SPLITS, shares, strict=True):
        total = getattr(size, split)
        positives = _evenly(total - total // 2, len(members))
        negatives = _evenly(total // 2, len(members))
        tasks += [
            Task(int(index), split, int(positive), int(negative))
            for index, positive, negative in zip(sorted(members), positives, negatives, strict=True)
        ]
    return sorted(tasks, key=lambda task: task.index)


def _evenly(total: int, parts: int) -> NDArray[np.int64]:
    return np.diff(np.arange(parts + 1) * total // parts)


def folders(root: Path) -> list[Path]:
    """Every folder of a dataset below `root`."""
    return [root / "photographs" / split for split in SPLITS] + [
        root / split / "patches" / kind for split in SPLITS for kind in CLASSES
    ]


def empty_counts() -> dict[str, dict[str, int]]:
    """No photograph, positive or negative patch yet in any split."""
    return {split: dict.fromkeys(("photographs", *CLASSES), 0) for split in SPLITS}


def write_chunk(root: Path, marker: Path, seed: int, size: DatasetSize, tasks: list[Task]) -> int:
    """Write the photographs of `tasks` and their patches, then `marker` with counts and digests.

    Returns the number of photographs. Raises UnusableInput and OSError.
    """
    counts, digest = empty_counts(), FileSetDigest()
    photographs = {split: FileSetDigest() for split in SPLITS}
    for task in tasks:
        _write_photograph(root, seed, size, task, digest, photographs[task.split])
        counts[task.split]["photographs"] += 1
        counts[task.split]["positive"] += task.positives
        counts[task.split]["negative"] += task.negatives
    totals = {split: each.in_hex() for split, each in photographs.items()}
    write_json(marker, {"counts": counts, "digest": digest.in_hex(), "photographs": totals})
    return len(tasks)


def _write_photograph(
    root: Path,
    seed: int,
    size: DatasetSize,
    task: Task,
    digest: FileSetDigest,
    photographs: FileSetDigest,
) -> None:
    """Write one photograph with its annotation, and its patches; add both to their digests."""
    landscape = draw_landscape(seed, task.index, size.height, size.width)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_PATCH_STREAM, task.index)))
    encoded = simplejpeg.encode_jpeg(
        landscape.photograph, quality=int(rng.integers(75, 96)), colorsubsampling="420"
    )
    name = f"{task.index:06d}"
    annotation = {
        "width": size.width,
        "height": size.height,
        "skyline": landscape.skyline.tolist(),
    }
    for file, content in ((f"{name}.jpg", encoded), (f"{name}.json", _as_json(annotation))):
        photographs.add(file, content)
        _write(root / "photographs" / task.split / file, content)
    patches, labels = cut_patches(
        simplejpeg.decode_jpeg(encoded), landscape.skyline, task.positives, task.negatives, rng
    )
    numbers = {0: 0, 1: 0}
    for patch, label in zip(patches, labels.tolist(), strict=True):
        kind = "positive" if label else "negative"
        encoded = simplejpeg.encode_jpeg(patch, quality=PATCH_QUALITY)
        path = f"{task.split}/patches/{kind}/{name}_{numbers[label]:03d}.jpg"
        digest.add(path, encoded)
        _write(f"{root}/{path}", encoded)
        numbers[label] += 1


def _as_json(annotation: dict[str, Any]) -> bytes:
    return json.dumps(annotation).encode()


def _write(path: Path | str, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        written = os.write(descriptor, content)
        while written < len(content):
            written += os.write(descriptor, content[written:])
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)
