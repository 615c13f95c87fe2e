"""Where a stage's data is: the folder the user named, or a synthetic set made in the cache."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.common.building import read_manifest
from workloads.common.cache import cache_root
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.progress import progress_of
from workloads.skyline import packing
from workloads.skyline.layout import SPLITS, dataset_root, list_patches
from workloads.skyline.presets import PRESETS, Preset
from workloads.skyline.synthesis import generator_digest, synthesise


@dataclass(frozen=True)
class Location:
    """What names a dataset: the user's folder, or preset and seed of a synthetic one."""

    data: Path | None
    cache: Path | None
    preset_name: str
    preset: Preset
    seed: int

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Location":
        """The dataset that a stage's options name."""
        preset = PRESETS[options.preset]()
        return cls(options.data, options.cache, options.preset, preset, options.seed)

    def cached(self, kind: str) -> Path:
        """Where the synthetic dataset's `kind`, patches or packed, is kept."""
        key = f"{self.preset_name}-{self.seed}-{generator_digest()}"
        return cache_root(self.cache) / "skyline" / key / kind

    def patches(self) -> Path:
        """The JPEG layout; a synthetic set is drawn first where it is missing."""
        if self.data is not None:
            return dataset_root(self.data)
        folder = self.cached("patches")
        draw(folder, self.preset, self.seed)
        return folder

    def packed(self) -> Path:
        """The packed shards; a synthetic set is drawn and packed first where it is missing.

        Raises UnusableInput when the user's folder has none.
        """
        if self.data is None:
            folder = self.cached("packed")
            pack(self.patches(), folder, self.seed, skip_broken=False)
            return folder
        if not self.data.is_dir():
            raise UnusableInput(f"no dataset at {self.data}: check --data")
        manifest = read_manifest(self.data)
        if manifest is None or manifest.get("format") != packing.FORMAT["format"]:
            raise UnusableInput(
                f"{self.data} holds no packed shards: run "
                f"`python -m workloads.skyline pack --data {self.data} --output FOLDER` and give "
                "--data FOLDER, or give --pipeline files"
            )
        return self.data

    def packed_output(self, output: Path | None) -> Path:
        """Where `pack` writes; the user's own data is never packed into the cache."""
        if output is not None:
            return output
        if self.data is not None:
            raise UnusableInput("packing your own --data needs --output FOLDER")
        return self.cached("packed")


def draw(folder: Path, preset: Preset, seed: int) -> dict[str, Any]:
    """Draw the synthetic set of a preset at `folder`, with progress shown."""
    with progress_of("drawing", preset.size.photographs, "photographs") as advance:
        return synthesise(folder, preset.size, seed, advance)


def pack(source: Path, folder: Path, seed: int, skip_broken: bool) -> tuple[dict[str, Any], int]:
    """Pack `source` at `folder`, with progress shown; the manifest and the patches decoded now."""
    root = dataset_root(source)
    total = sum(len(list_patches(root, split)) for split in SPLITS)
    with progress_of("packing", total, "patches") as advance:
        return packing.pack(root, folder, seed, skip_broken, advance)


def layout_digest(root: Path) -> str:
    """The digest of a JPEG layout: of its manifest, else of its file names alone.

    Reading every file only to name the dataset would take longer than many a run; packing reads
    them anyway, and there the digest is of the contents.
    """
    manifest = read_manifest(root)
    if manifest is not None and "digest" in manifest:
        return str(manifest["digest"])
    digest = FileSetDigest()
    for split in SPLITS:
        for patch in list_patches(root, split):
            digest.add(patch.name, b"")
    return f"names-{digest}"
