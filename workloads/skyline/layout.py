"""The published layout of patches on disk: SPLIT/patches/{positive,negative}/*.jpg."""

import os
from dataclasses import dataclass
from pathlib import Path

from workloads.common.errors import UnusableInput

SPLITS = ("training", "validation", "testing")
CLASSES = ("negative", "positive")
PATCH_SIZE = 29


@dataclass(frozen=True)
class Patch:
    """One JPEG of a split: its path in the dataset, and its label (1 is positive)."""

    name: str
    label: int


def dataset_root(folder: Path) -> Path:
    """Where the layout begins: `folder`, or its only subfolder as the published archive has it.

    Raises UnusableInput when there is no such layout.
    """
    if not folder.is_dir():
        raise UnusableInput(f"no dataset at {folder}: check --data")
    if (folder / SPLITS[0]).is_dir():
        return folder
    nested = [entry for entry in folder.iterdir() if (entry / SPLITS[0]).is_dir()]
    if len(nested) != 1:
        raise UnusableInput(
            f"no patches at {folder}: --data needs a folder with "
            f"{', '.join(SPLITS)}, each with patches/positive and patches/negative"
        )
    return nested[0]


def list_patches(root: Path, split: str) -> list[Patch]:
    """Every patch of a split, negatives first, each class by name: the number of a sample.

    Raises UnusableInput when a class is missing or empty.
    """
    patches = []
    for label, kind in enumerate(CLASSES):
        folder = root / split / "patches" / kind
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if _is_jpeg(entry.name))
        except OSError:
            names = []
        if not names:
            raise UnusableInput(
                f"the {split} split has no {kind} patches: expected JPEG files in {folder}"
            )
        patches += [Patch(f"{split}/patches/{kind}/{name}", label) for name in names]
    return patches


def is_patch(name: str) -> bool:
    """Whether a path in a dataset is where `list_patches` looks for a patch."""
    split, _, rest = name.partition("/")
    folder, _, file = rest.rpartition("/")
    return split in SPLITS and folder in {f"patches/{kind}" for kind in CLASSES} and _is_jpeg(file)


def count_classes(patches: list[Patch]) -> dict[str, int]:
    """How many patches of each class there are. UnusableInput when a class has none."""
    positive = sum(patch.label for patch in patches)
    counts = dict(zip(CLASSES, (len(patches) - positive, positive), strict=True))
    if 0 in counts.values():
        raise UnusableInput(f"a split has only one class ({counts}): it cannot be learnt from")
    return counts


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg"))
