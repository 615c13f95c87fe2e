"""A synthetic dataset on disk, in the published layout, drawn by a pool of processes.

Work happens chunk by chunk, and a killed run goes on at the first missing chunk.
"""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workloads.common.building import PROGRESS, build_folder
from workloads.common.digests import FileSetDigest, source_digest
from workloads.common.errors import UnusableInput
from workloads.common.pool import available_processors, map_unordered
from workloads.common.progress import Advance, no_progress
from workloads.skyline.chunks import (
    PHOTOGRAPHS_PER_CHUNK,
    DatasetSize,
    empty_counts,
    folders,
    plan,
    write_chunk,
)
from workloads.skyline.layout import SPLITS
from workloads.skyline.patches import MARGIN

__all__ = ["DatasetSize", "generator_digest", "synthesise"]

FORMAT = {"format": "trigpoint-skyline-patches", "format_version": 1}
_GENERATOR = (
    "common/noise.py",
    *(
        f"skyline/{name}.py"
        for name in (
            *("weather", "sky", "terrain", "ground"),
            *("landscape", "layout", "patches", "chunks", "synthesis"),
        )
    ),
)
_SMALLEST_SIDE = 96
_FEWEST_PHOTOGRAPHS = 3


def generator_digest() -> str:
    """First 12 hex digits of the sha256 over the source of every module that decides a byte."""
    return source_digest(Path(__file__).parents[1], _GENERATOR)


def synthesise(
    output: Path,
    size: DatasetSize,
    seed: int,
    advance: Advance = no_progress,
    processes: int | None = None,
) -> dict[str, Any]:
    """Write the dataset `output`, or return at once where it is already complete.

    `advance` is called with the number of photographs just finished. `processes` defaults to the
    processors this process may use; 1 draws in this process. The result holds `counts` (per
    split: photographs, positive, negative), `digest`, `seconds` and `drawn`, the photographs drawn
    by this call. Raises UnusableInput and OSError.
    """
    started = time.perf_counter()
    _check(size, seed)
    drawn = 0

    def fill(partial: Path) -> dict[str, Any]:
        nonlocal drawn
        drawn = _draw_missing(partial, size, seed, advance, processes or available_processors())
        return _totals(partial)

    wanted = FORMAT | {"size": asdict(size), "seed": seed, "generator": generator_digest()}
    manifest, _ = build_folder(output, wanted, fill)
    return {
        "counts": manifest["counts"],
        "digest": manifest["digest"],
        "drawn": drawn,
        "seconds": time.perf_counter() - started,
    }


def _check(size: DatasetSize, seed: int) -> None:
    """Refuse what cannot be drawn before anything is written."""
    if seed < 0:
        raise UnusableInput(f"seed {seed} is negative: choose a number from 0 up")
    if min(size.height, size.width) < _SMALLEST_SIDE:
        raise UnusableInput(
            f"photographs of {size.width}x{size.height} pixels are too small: "
            f"choose {_SMALLEST_SIDE} or more each way"
        )
    if size.photographs < _FEWEST_PHOTOGRAPHS:
        raise UnusableInput(
            f"{size.photographs} photographs cannot be split in three: "
            f"choose {_FEWEST_PHOTOGRAPHS} or more"
        )
    if min(size.training, size.validation, size.testing) < 0:
        raise UnusableInput("a split cannot hold fewer than 0 patches: choose 0 or more")
    most = max(task.positives for task in plan(size, seed))
    if most > size.width - 2 * MARGIN:
        raise UnusableInput(
            f"{most} positive patches of one photograph asked for, but its skyline has room for "
            f"{size.width - 2 * MARGIN}: ask for fewer patches, or more or larger photographs"
        )


def _draw_missing(
    partial: Path, size: DatasetSize, seed: int, advance: Advance, processes: int
) -> int:
    """Write the chunks that are missing in `partial`; return the photographs drawn."""
    for folder in folders(partial):
        folder.mkdir(parents=True, exist_ok=True)
    tasks = plan(size, seed)
    jobs = []
    for first in range(0, len(tasks), PHOTOGRAPHS_PER_CHUNK):
        chunk = tasks[first : first + PHOTOGRAPHS_PER_CHUNK]
        marker = partial / PROGRESS / f"chunk-{first // PHOTOGRAPHS_PER_CHUNK:06d}.json"
        if marker.exists():
            advance(len(chunk))
        else:
            jobs.append((partial, marker, seed, size, chunk))
    drawn = 0
    for finished in map_unordered(write_chunk, jobs, processes):
        drawn += finished
        advance(finished)
    return drawn


def _totals(partial: Path) -> dict[str, Any]:
    """The counts of all chunks together, and the digests of their patches and photographs."""
    counts, digest = empty_counts(), FileSetDigest()
    photographs = {split: FileSetDigest() for split in SPLITS}
    for path in (partial / PROGRESS).glob("chunk-*.json"):
        marker = json.loads(path.read_text())
        digest.merge(FileSetDigest(int(marker["digest"], 16)))
        for split, total in marker["photographs"].items():
            photographs[split].merge(FileSetDigest(int(total, 16)))
        for split, kinds in marker["counts"].items():
            for kind, count in kinds.items():
                counts[split][kind] += count
    digests = {split: str(each) for split, each in photographs.items()}
    return {"counts": counts, "digest": str(digest), "photographs_digests": digests}
