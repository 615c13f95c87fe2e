"""The bytes of an image that lies here: their digest, and the manifest beside them."""

import functools
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from reframe.core.exceptions import ReframeError


class Manifest(NamedTuple):
    """What `python -m containers build` wrote of an image: its name, the commit it was built from,
    and the digest that it had."""

    name: str
    commit: str
    digest: str


def read_manifest(image: Path) -> Manifest | None:
    """The manifest beside an image, or beside what a link leads to; None where there is none.
    Raises ReframeError where it cannot be read."""
    beside = [each.with_name(f"{each.name}.manifest.json") for each in (image, image.resolve())]
    path = next((each for each in beside if each.exists()), beside[0])
    try:
        said = json.loads(path.read_text())
        return Manifest(*(str(said[key]) for key in ("name", "suite_commit", "image_digest")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReframeError(f"{path} is no manifest of an image: {error!r}") from None


def digest(image: Path) -> str:
    """The digest of a file, or of the tree of a sandbox, as `sha256:HEX`; computed once a session
    as long as it does not change. Raises ReframeError where it cannot be read."""
    try:
        status = image.stat()
        return _digest(image, status.st_ino, status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise ReframeError(f"the image {image} cannot be read: {error}") from None


@functools.cache
def _digest(image: Path, *_identity: int) -> str:
    return f"sha256:{_of_tree(image) if image.is_dir() else _of_file(image).hexdigest()}"


def _of_file(path: Path) -> "hashlib._Hash":
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")


def _of_tree(folder: Path) -> str:
    """As the manifest of a sandbox has it: names, kinds, modes, links and bytes, not times."""
    found = hashlib.sha256()
    entries = [
        Path(parent, name)
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    ]
    for path in sorted(entries):
        status = path.lstat()
        # A name is bytes, which need not be those of a text.
        name = os.fsencode(path.relative_to(folder))
        found.update(name + f"\0{status.st_mode:o}\0".encode())
        if path.is_symlink():
            found.update(os.fsencode(path.readlink()))
        elif path.is_file():
            found.update(_of_file(path).digest())

    return found.hexdigest()
