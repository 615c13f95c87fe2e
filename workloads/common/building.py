"""Building a folder step by step, so that a killed stage resumes and nothing looks finished early.

Work happens in `OUTPUT.partial`; the folder is renamed to OUTPUT when its manifest is written.
"""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from workloads.common.errors import UnusableInput
from workloads.common.writing import write_json

MANIFEST = "manifest.json"
PROGRESS = ".progress"
DESCRIPTION = "wanted.json"


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, Any] | None:
    """The manifest of a finished folder, or another file like it; None where there is none.

    Raises UnusableInput when there is one that cannot be read.
    """
    path = folder / name
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise UnusableInput(f"{path} is not a manifest: delete {folder} and build it again")
    return content


def build_folder(
    output: Path, wanted: dict[str, Any], fill: Callable[[Path], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """Return the manifest of `output`, building it first if need be, and whether it was built.

    `wanted` describes the content: what is at `output` already must have it in its manifest.
    `fill(partial)` writes the content, keeps notes of its progress in `partial / PROGRESS`, and
    returns the manifest's other fields. Raises UnusableInput when something else is at `output`.
    """
    output = output.resolve()
    manifest = _finished(output, wanted)
    if manifest is not None:
        return manifest, False
    partial = output.with_name(f"{output.name}.partial")
    with _only_writer(partial):
        # Another run may have finished the folder while this one waited for its turn.
        manifest = _finished(output, wanted)
        if manifest is not None:
            shutil.rmtree(partial, ignore_errors=True)
            return manifest, False
        _require_same_work(partial, wanted)
        manifest = wanted | fill(partial)
        write_json(partial / MANIFEST, manifest)
        partial.rename(output)
        shutil.rmtree(output / PROGRESS)
    return manifest, True


def remove_other(output: Path, kind: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Remove what was built, or begun, at `output` as one of a `kind`, unless it is what is wanted.

    Raises UnusableInput where the manifest there cannot be read.
    """
    partial = output.with_name(f"{output.name}.partial")
    for folder, about in (
        (output, read_manifest(output)),
        (partial, read_manifest(partial / PROGRESS, DESCRIPTION)),
    ):
        if about is None or not kind.items() <= about.items():
            continue
        if not wanted.items() <= about.items():
            shutil.rmtree(folder)


def _finished(output: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return None
    manifest = read_manifest(output)
    if manifest is None:
        raise UnusableInput(f"{output} is in the way: delete it, or choose another folder")
    differing = [key for key, value in wanted.items() if manifest.get(key) != value]
    if differing:
        raise UnusableInput(
            f"{output} holds something else ({', '.join(differing)} differ from what is asked "
            "for): delete it, or choose another folder"
        )
    return manifest


@contextlib.contextmanager
def _only_writer(partial: Path) -> Iterator[None]:
    """Keep other runs for the same output waiting until this one has ended."""
    (partial / PROGRESS).mkdir(parents=True, exist_ok=True)
    with (partial / PROGRESS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_same_work(partial: Path, wanted: dict[str, Any]) -> None:
    description = partial / PROGRESS / DESCRIPTION
    if not description.exists():
        write_json(description, wanted)
    elif json.loads(description.read_text()) != wanted:
        raise UnusableInput(
            f"{partial} is unfinished work on something else: delete it, or choose another folder"
        )
