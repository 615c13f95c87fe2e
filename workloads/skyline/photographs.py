"""Which photographs a stage reads: files, folders and lists, and the name of each one's results."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.common.errors import UnusableInput

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif"}
    | {".avif", ".jp2", ".j2k"},
)
# What phones write and Pillow cannot read: in a folder it is not to be missed in silence.
_UNREADABLE_SUFFIXES = frozenset({".heic", ".heif"})
RECORDS = "extract.records.log"


@dataclass(frozen=True)
class Photograph:
    """A photograph's file, and the name of its results: a path in the output, without suffix."""

    path: Path
    name: str

    @property
    def annotation(self) -> Path:
        """Where the annotated skyline is, if it has been annotated: beside it, as NAME.json."""
        return self.path.with_name(f"{self.path.stem}.json")


def find_photographs(given: Sequence[Path], output: Path) -> list[Photograph]:
    """The photographs among files and folders, in order, without repetition.

    A folder is searched with all those in it for files whose suffix says that they are pictures;
    hidden ones are left out, and so are folders that hold results of this stage. Names in the
    output are as in the folder. Raises UnusableInput where a path leads nowhere or to a folder of
    results, there is no photograph, two would have the same name, or one lies in the output itself.
    """
    found: dict[Path, Photograph] = {}
    for path in given:
        for photograph in _in_folder(path) if path.is_dir() else [_file(path)]:
            found.setdefault(photograph.path.resolve(), photograph)
    if not found:
        places = ", ".join(map(str, given)) or "an empty list"
        raise UnusableInput(
            f"no photographs in {places}: expected files that end in {', '.join(sorted(SUFFIXES))}"
        )
    photographs = list(found.values())
    _require_apart(found, output.resolve())
    _require_own_names(photographs)
    return photographs


def _file(path: Path) -> Photograph:
    # What is no plain file, such as a pipe or a device, might never end.
    if not path.is_file():
        what = "is not a file" if path.exists() else "does not exist"
        raise UnusableInput(f"{path} {what}: name photographs, or folders with photographs")
    return Photograph(path, path.stem)


def _in_folder(folder: Path) -> Iterable[Photograph]:
    if (folder / RECORDS).exists():
        raise UnusableInput(
            f"{folder} holds results of this stage ({RECORDS}): name the folder of the photographs"
        )
    for place, folders, files in os.walk(folder, onerror=_refuse):
        here = Path(place)
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".") and not (here / each / RECORDS).exists()
        )
        for file in sorted(files):
            path = here / file
            is_picture = path.suffix.lower() in SUFFIXES | _UNREADABLE_SUFFIXES
            if not file.startswith(".") and is_picture and path.is_file():
                yield Photograph(path, str((here / path.stem).relative_to(folder)))


def _refuse(error: OSError) -> None:
    raise error


def _require_apart(paths: Iterable[Path], output: Path) -> None:
    """Results must not lie where they would be taken for photographs, or replace an annotation."""
    for path in paths:
        if path.is_relative_to(output):
            raise UnusableInput(
                f"{path} lies in --output, where results would replace it: choose another --output"
            )


def _require_own_names(photographs: list[Photograph]) -> None:
    known: dict[str, Photograph] = {}
    for photograph in photographs:
        other = known.setdefault(photograph.name, photograph)
        if other is not photograph:
            raise UnusableInput(
                f"{other.path} and {photograph.path} would both write {photograph.name}.json: "
                "rename one, or extract them into different outputs"
            )
