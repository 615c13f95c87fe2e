"""Where a stage's data is: the folder the user named, or a synthetic set made in the cache."""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.common.building import MANIFEST, read_manifest
from workloads.common.cache import cache_root
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.offline import is_offline, require_present
from workloads.common.progress import progress_of
from workloads.common.staging import Dataset
from workloads.skyline import packing
from workloads.skyline.layout import SPLITS, count_classes, dataset_root, is_patch, list_patches
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

    def cached(self, form: str) -> Path:
        """Where the cache keeps this dataset in one of its forms."""
        if self.data is None:
            key = f"{self.preset_name}-{self.seed}-{generator_digest()}"
        else:
            identity = packing.source_identity(dataset_root(self.data))
            key = f"given-{self.seed}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
        return cache_root(self.cache) / "skyline" / key / form

    def patches(self) -> Path:
        """The JPEG layout; a synthetic set is drawn first where it is missing."""
        if self.data is not None:
            return dataset_root(self.data)
        folder = self.cached("patches")
        require_present(folder, self.command("synthesise"))
        draw(folder, self.preset, self.seed)
        return folder

    def packed_cache(self) -> Path:
        """Where the cache keeps the shards, apart for each version of their format."""
        return self.cached(f"packed-{packing.FORMAT['format_version']}")

    def packed(self) -> Path:
        """The packed shards: the user's own, else made in the cache where they are missing."""
        if self.data is not None and is_packed(self.data):
            return self.data
        folder = self.packed_cache()
        if is_offline():
            require_present(folder, self.command("pack"))
            return folder
        pack(self.patches(), folder, self.seed, skip_broken=False)
        return folder

    def command(self, stage: str, *options: str | Path) -> list[str | Path]:
        """The arguments of Python that make this dataset by a stage, into the same cache."""
        words: list[str | Path] = ["-m", "workloads.skyline", stage]
        words += ["--preset", self.preset_name, "--seed", str(self.seed)]
        if self.data is not None:
            words += ["--data", self.data.resolve()]
        return [*words, "--cache", cache_root(self.cache).resolve(), *options]


def is_packed(folder: Path) -> bool:
    """Whether `folder` holds packed shards."""
    manifest = read_manifest(folder)
    return manifest is not None and manifest.get("format") == packing.FORMAT["format"]


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


def to_stage(folder: Path) -> Dataset:
    """What is to be copied of packed shards, or of a JPEG layout: not its photographs."""
    if is_packed(folder):
        return Dataset(folder, lambda _name: True)
    manifest = read_manifest(folder) or {}
    return Dataset(folder, lambda name: is_patch(name) or name == MANIFEST, manifest.get("digest"))


def given_digest(folder: Path) -> str:
    """The digest of a dataset that the user gave, in either form; UnusableInput if it is none."""
    if is_packed(folder):
        return str((read_manifest(folder) or {})["digest"])
    return layout_digest(dataset_root(folder))


def layout_digest(root: Path) -> str:
    """The digest of a JPEG layout: of its manifest, else of the names and sizes of its files.

    Reading every file only to name the dataset would take longer than many a run; packing reads
    them anyway, and there the digest is of the contents. Raises UnusableInput when there are not
    as many patches as the manifest says.
    """
    manifest = read_manifest(root) or {}
    digest = FileSetDigest()
    for split in SPLITS:
        patches = list_patches(root, split)
        promised = manifest.get("counts", {}).get(split, {})
        for kind, count in count_classes(patches).items():
            if promised.get(kind, count) != count:
                raise UnusableInput(
                    f"{root} has {count} {kind} patches for {split}, its manifest says "
                    f"{promised[kind]}: the dataset is damaged; get it again"
                )
        if "digest" not in manifest:
            for patch in patches:
                digest.add(patch.name, str((root / patch.name).stat().st_size).encode())
    return str(manifest.get("digest", f"sizes-{digest}"))


def testing_photographs(root: Path) -> Path:
    """The folder of a layout's testing photographs and their annotations.

    All are read and held against the manifest, if it speaks of them. Raises UnusableInput where
    there is no such folder, or a file is missing, changed, or too many.
    """
    folder = root / "photographs" / "testing"
    if not folder.is_dir():
        raise UnusableInput(
            f"{root} has patches, but no {folder.relative_to(root)}: name photographs or folders"
        )
    promised = (read_manifest(root) or {}).get("photographs_digests", {}).get("testing")
    if promised is not None:
        digest = FileSetDigest()
        for path in folder.iterdir():
            digest.add(path.name, path.read_bytes())
        if str(digest) != promised:
            raise UnusableInput(
                f"the photographs and annotations in {folder} are not those that the manifest "
                "speaks of: the dataset is damaged; get it again"
            )
    return folder
