"""A synthetic archive on disk, drawn by a pool of processes: zipped scenes, lists, match-ups.

Work happens scene by scene, and a killed run goes on with the scenes that are missing.
"""

import io
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from workloads.common.building import PROGRESS, build_folder, remove_other
from workloads.common.digests import FileSetDigest, source_digest
from workloads.common.errors import UnusableInput
from workloads.common.pool import available_processors, map_unordered
from workloads.common.progress import Advance, no_progress
from workloads.common.writing import replacing, write_json
from workloads.slstr.archive_writing import write_archive, write_file
from workloads.slstr.matchups import MATCHUPS_FILE, draw_matchups, write_matchups
from workloads.slstr.orbit import MOST_SCENES
from workloads.slstr.product import Grid
from workloads.slstr.scene import draw_scene, is_night

FORMAT = {"format": "trigpoint-slstr-archive", "format_version": 1}
SPLITS = ("training", "validation")
# Every module that decides a byte of an archive.
_GENERATOR = (
    "common/noise.py",
    *(
        f"slstr/{name}.py"
        for name in (
            *("product", "orbit", "viewing", "surface", "clouds", "radiative", "flags", "scene"),
            *("hdf5_bytes", "netcdf", "scene_grids", "scene_files", "manifest_xml"),
            *("archive_writing", "matchups", "synthesis"),
        )
    ),
)
_SPLIT_STREAM = 0


def generator_digest() -> str:
    """First 12 hex digits of the sha256 over the source of every module that decides a byte."""
    return source_digest(Path(__file__).parents[1], _GENERATOR)


def synthesise(
    output: Path,
    scenes: int,
    size: Grid,
    seed: int,
    advance: Advance = no_progress,
    processes: int | None = None,
) -> dict[str, Any]:
    """Write `scenes` scenes to `output`, or return at once where they are already complete.

    `advance` is called with 1 for every scene just finished. `processes` defaults to the
    processors this process may use; 1 draws in this process. The result holds `counts` (scenes of
    each split, by day and by night), `digest`, `drawn`, the scenes drawn by this call, `bytes`,
    what they take, and `seconds`. Raises UnusableInput and OSError.
    """
    started = time.perf_counter()
    _check(scenes)
    done = [0, 0]

    def fill(partial: Path) -> dict[str, Any]:
        workers = processes or available_processors()
        done[:] = _draw_missing(partial, scenes, size, seed, workers, advance)
        return _finish(partial)

    manifest, _ = build_folder(output, _wanted(scenes, size, seed), fill)
    return {
        "counts": manifest["counts"],
        "digest": manifest["digest"],
        "drawn": done[0],
        "bytes": done[1],
        "seconds": time.perf_counter() - started,
    }


def remove_outdated(output: Path, scenes: int, size: Grid, seed: int) -> None:
    """Remove the synthetic archive at `output` where it is not the one that would be drawn.

    What is not a synthetic archive is left, for `synthesise` to refuse.
    """
    remove_other(output, FORMAT, _wanted(scenes, size, seed))


def _wanted(scenes: int, size: Grid, seed: int) -> dict[str, Any]:
    generator = generator_digest()
    return FORMAT | {"scenes": scenes, "size": asdict(size), "seed": seed, "generator": generator}


def _check(scenes: int) -> None:
    """Refuse what cannot be drawn before anything is written."""
    if scenes < len(SPLITS):
        raise UnusableInput(f"{scenes} scenes cannot be split in two: choose {len(SPLITS)} or more")
    if scenes > MOST_SCENES:
        raise UnusableInput(
            f"{scenes} scenes are more than start at different times: choose at most {MOST_SCENES}"
        )


def validation_scenes(scenes: int, seed: int) -> set[int]:
    """The numbers of the scenes for validation: a fifth, by night in proportion, at least one."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SPLIT_STREAM,)))
    total = max(1, round(0.2 * scenes))
    nights = [number for number in range(scenes) if is_night(number)]
    days = [number for number in range(scenes) if not is_night(number)]
    dark = total * len(nights) // scenes
    chosen = [*rng.permutation(nights)[:dark], *rng.permutation(days)[: total - dark]]
    return {int(number) for number in chosen}


def _draw_missing(
    partial: Path, scenes: int, size: Grid, seed: int, processes: int, advance: Advance
) -> tuple[int, int]:
    """Write the scenes that are missing in `partial`; how many those were, and their bytes."""
    (partial / "scenes").mkdir(exist_ok=True)
    # A killed process could not take its half-written archive away.
    for left in (partial / "scenes").glob(".*.partial"):
        left.unlink()
    validation = validation_scenes(scenes, seed)
    jobs = []
    for number in range(scenes):
        if _marker(partial, number).exists():
            advance(1)
        else:
            jobs.append((partial, seed, number, size, number in validation))
    written = 0
    for archive_bytes in map_unordered(_write_scene, jobs, processes):
        written += archive_bytes
        advance(1)
    return len(jobs), written


def _marker(partial: Path, number: int) -> Path:
    return partial / PROGRESS / f"scene-{number:06d}.json"


def _matchups_note(partial: Path, number: int) -> Path:
    return partial / PROGRESS / f"matchups-{number:06d}.npy"


def _write_scene(partial: Path, seed: int, number: int, size: Grid, validates: bool) -> int:
    """Write one scene, and its match-ups if it `validates`, then its marker; its archive's size."""
    scene = draw_scene(seed, number, size)
    path, content = write_archive(partial / "scenes", scene)
    if validates and not scene.night:
        table = io.BytesIO()
        np.save(table, draw_matchups(scene, seed, number))
        with replacing(_matchups_note(partial, number)) as temporary:
            write_file(temporary, table.getvalue())
    digest = FileSetDigest()
    digest.add(path.name, content)
    note = {
        "name": scene.name,
        "split": SPLITS[validates],
        "time": "night" if scene.night else "day",
        "digest": digest.in_hex(),
    }
    write_json(_marker(partial, number), note)
    return len(content)


def _finish(partial: Path) -> dict[str, Any]:
    """Write the lists and the match-ups of all scenes; the counts and the digest of everything."""
    counts = {split: {"day": 0, "night": 0} for split in SPLITS}
    lists: dict[str, list[str]] = {split: [] for split in SPLITS}
    digest, matchups = FileSetDigest(), []
    for path in sorted((partial / PROGRESS).glob("scene-*.json")):
        note = json.loads(path.read_text())
        counts[note["split"]][note["time"]] += 1
        lists[note["split"]].append(f"scenes/{note['name']}.zip\n")
        digest.merge(FileSetDigest(int(note["digest"], 16)))
        # The mask is trained by day, and judged by day.
        if note["split"] == "validation" and note["time"] == "day":
            number = int(path.stem.removeprefix("scene-"))
            matchups.append((note["name"], np.load(_matchups_note(partial, number))))
    for split, lines in lists.items():
        write_file(partial / f"{split}.txt", "".join(lines).encode())
    write_matchups(partial / MATCHUPS_FILE, matchups)
    for name in (*(f"{split}.txt" for split in SPLITS), MATCHUPS_FILE):
        digest.add(name, (partial / name).read_bytes())
    return {"counts": counts, "digest": str(digest)}
