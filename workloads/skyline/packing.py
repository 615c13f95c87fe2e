"""Packing JPEG patches into dense HDF5 shards, one for each virtual shard of each split.

A rank reads the files of the shards that it owns, whole, and nothing else. Each shard file is
written by one process and renamed when complete, so that a killed run goes on where it was.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from workloads.common.building import PROGRESS, build_folder, read_manifest
from workloads.common.data_order import SHARDS, Dealing
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.hdf5 import replacing_hdf5
from workloads.common.pool import available_processors, map_unordered
from workloads.common.progress import Advance, no_progress
from workloads.common.writing import write_json
from workloads.skyline.decoding import BrokenPatch, decode_patch
from workloads.skyline.layout import (
    PATCH_SIZE,
    SPLITS,
    Patch,
    count_classes,
    dataset_root,
    list_patches,
)

FORMAT = {"format": "trigpoint-skyline-packed", "format_version": 1}
INPUTS, TARGETS = "patches", "labels"


def shard_file(folder: Path, split: str, shard: int) -> Path:
    """Where the packed samples of one virtual shard are."""
    return folder / f"{split}-{shard:02d}-of-{SHARDS}.h5"


def pack(
    source: Path,
    output: Path,
    seed: int,
    skip_broken: bool = False,
    advance: Advance = no_progress,
    processes: int | None = None,
) -> tuple[dict[str, Any], int]:
    """Pack the patches of `source` at `output`; return the manifest and how many were decoded now.

    The manifest holds counts per split and class, the digest of the JPEGs, the seed of the order
    and the broken patches that were left out. Raises UnusableInput on a broken patch (unless
    `skip_broken`), and where the patches differ from the source's own manifest.
    """
    root = dataset_root(source)
    listing = {split: list_patches(root, split) for split in SPLITS}
    processes = processes or available_processors()
    broken = _find_broken(root, listing, processes) if skip_broken else []
    kept = {
        split: [patch for patch in patches if patch.name not in set(broken)]
        for split, patches in listing.items()
    }
    decoded = 0

    def fill(partial: Path) -> dict[str, Any]:
        nonlocal decoded
        decoded = _write_shards(root, kept, partial, seed, advance, processes)
        digest = _total_digest(partial)
        if not broken and not _is_of_manifest(root, digest):
            shutil.rmtree(partial)
            raise UnusableInput(
                f"the patches in {root} are not those of its manifest: "
                "the dataset is damaged or was changed; get it again"
            )
        return {"digest": digest}

    counts = {split: count_classes(patches) for split, patches in kept.items()}
    wanted = FORMAT | {
        "counts": counts,
        "source": source_identity(root),
        "seed": seed,
        "broken": broken,
    }
    return build_folder(output, wanted, fill)[0], decoded


def source_identity(root: Path) -> str:
    """What tells one content of a layout from another without reading it.

    The digest of its manifest, else a digest of every file's name, size and time of change.
    """
    manifest = read_manifest(root) or {}
    if "digest" in manifest:
        return str(manifest["digest"])
    identity = FileSetDigest()
    for split in SPLITS:
        for patch in list_patches(root, split):
            facts = (root / patch.name).stat()
            identity.add(patch.name, f"{facts.st_size} {facts.st_mtime_ns}".encode())
    return f"stat-{identity}"


def _write_shards(
    root: Path,
    listing: dict[str, list[Patch]],
    partial: Path,
    seed: int,
    advance: Advance,
    processes: int,
) -> int:
    """Write every shard that is missing; return how many patches were decoded."""
    jobs = []
    for split, patches in listing.items():
        for shard, members in enumerate(Dealing(seed).members(len(patches))):
            note = partial / PROGRESS / f"{split}-{shard:02d}.json"
            if note.exists():
                advance(len(members))
            else:
                chosen = [patches[member] for member in members]
                jobs.append((root, chosen, shard_file(partial, split, shard), note))
    decoded = 0
    for number in map_unordered(_write_shard, jobs, processes):
        decoded += number
        advance(number)
    return decoded


def _write_shard(root: Path, patches: list[Patch], path: Path, note: Path) -> int:
    """Decode patches into one shard file; the note with its digest says that it is complete."""
    pixels = np.empty((len(patches), PATCH_SIZE, PATCH_SIZE, 3), np.uint8)
    digest = FileSetDigest()
    for row, patch in enumerate(patches):
        content = (root / patch.name).read_bytes()
        digest.add(patch.name, content)
        pixels[row] = decode_patch(str(root / patch.name), content)
    with replacing_hdf5(path) as file:
        file.create_dataset(INPUTS, data=pixels)
        file.create_dataset(TARGETS, data=np.array([each.label for each in patches], np.uint8))
    write_json(note, {"digest": f"{digest.total:064x}"})
    return len(patches)


def _total_digest(partial: Path) -> str:
    total = FileSetDigest()
    for split in SPLITS:
        for note in (partial / PROGRESS).glob(f"{split}-*.json"):
            total.merge(FileSetDigest(int(json.loads(note.read_text())["digest"], 16)))
    return str(total)


def _is_of_manifest(root: Path, digest: str) -> bool:
    """Whether what was read is what the source's manifest promises, where it has one."""
    manifest = read_manifest(root)
    return manifest is None or manifest.get("digest", digest) == digest


def _find_broken(root: Path, listing: dict[str, list[Patch]], processes: int) -> list[str]:
    jobs = [
        (root, patches[first : first + 4096])
        for patches in listing.values()
        for first in range(0, len(patches), 4096)
    ]
    return sorted(name for names in map_unordered(_broken_among, jobs, processes) for name in names)


def _broken_among(root: Path, patches: list[Patch]) -> list[str]:
    broken = []
    for patch in patches:
        try:
            decode_patch(patch.name, (root / patch.name).read_bytes())
        except (BrokenPatch, OSError):
            broken.append(patch.name)
    return broken
