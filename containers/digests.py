"""Digests of files and of folders."""

import hashlib
import os
from pathlib import Path


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes, as `sha256:HEX`."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def text_digest(text: str) -> str:
    """The sha256 of a text in UTF-8, as `sha256:HEX`."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def folder_digest(folder: Path) -> str:
    """The sha256 of a tree, as `sha256:HEX`: names, kinds, modes, links and bytes, not times."""
    digest = hashlib.sha256()
    for path in sorted(_entries(folder)):
        status = path.lstat()
        # A name is bytes, which need not be those of a text.
        name = os.fsencode(path.relative_to(folder))
        digest.update(name + f"\0{status.st_mode:o}\0".encode())
        if path.is_symlink():
            digest.update(os.fsencode(path.readlink()))
        elif path.is_file():
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"


def path_digest(path: Path) -> str:
    """That of a folder, or of a file."""
    return folder_digest(path) if path.is_dir() else file_digest(path)


def _entries(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder):
        found += [Path(parent, name) for name in (*folders, *files)]
    return found
