"""Copying many files by several threads, each verified by reading it again."""

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from workloads.common.building import MANIFEST
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.progress import Advance

_THREADS = 8
_FILES_PER_JOB = 64
_CHUNK_BYTES = 1 << 20
# A guess at what a file or folder takes at least, for whole blocks and its name.
_BLOCK_BYTES = 4096


@dataclass(frozen=True)
class Listing:
    """The files of a folder by their paths in it, with forward slashes, and their sizes."""

    folder: Path
    sizes: dict[str, int]

    @property
    def bytes(self) -> int:
        """Their sizes together."""
        return sum(self.sizes.values())

    @property
    def blocks(self) -> int:
        """What they take on a file system, in bytes, rounded up file by file."""
        return sum((size // _BLOCK_BYTES + 1) * _BLOCK_BYTES for size in self.sizes.values())


def list_files(folder: Path, wanted: Callable[[str], bool]) -> Listing:
    """The files below `folder`, also where links lead, whose paths in it are `wanted`.

    Raises UnusableInput on what is neither file nor folder, and on links that lead in circles.
    """
    found = _walk(folder, "", ())
    return Listing(folder, {name: size for name, size in found if wanted(name)})


def _walk(
    folder: Path, prefix: str, above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, int]]:
    facts = folder.stat()
    own = (facts.st_dev, facts.st_ino)
    if own in above:
        raise UnusableInput(f"{folder} is a link to a folder above it: it cannot be copied")
    with os.scandir(folder) as entries:
        for entry in entries:
            mode = entry.stat().st_mode
            if stat.S_ISDIR(mode):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", (*above, own))
            elif stat.S_ISREG(mode):
                yield prefix + entry.name, entry.stat().st_size
            else:
                raise UnusableInput(f"{entry.path} is neither file nor folder: it cannot be copied")


def copy_files(listing: Listing, target: Path, advance: Advance) -> FileSetDigest:
    """Copy the files of `listing` to the new folder `target`; each copy is read again.

    Returns the digest of all but the manifest, as whoever made the dataset wrote it there.
    `advance` is called with MiB. Raises OSError, and UnusableInput where a copy is not what was
    read.
    """
    names = sorted(listing.sizes)
    for parent in sorted({(target / name).parent for name in names} | {target}):
        parent.mkdir(parents=True, exist_ok=True)
    jobs = [names[first : first + _FILES_PER_JOB] for first in range(0, len(names), _FILES_PER_JOB)]
    total, shown, stop = FileSetDigest(), 0.0, threading.Event()

    def copy(job: list[str]) -> tuple[FileSetDigest, int]:
        digest, size = FileSetDigest(), 0
        for name in job:
            if stop.is_set():
                break
            value = _copy_verified(listing, target, name)
            size += listing.sizes[name]
            if name != MANIFEST:
                digest.merge(FileSetDigest(value))
        return digest, size

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for digest, size in pool.map(copy, jobs):
                total.merge(digest)
                before, shown = int(shown), shown + size / (1 << 20)
                advance(int(shown) - before)
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    return total


def _copy_verified(listing: Listing, target: Path, name: str) -> int:
    """Copy one file; the sha256 of its name and content, as FileSetDigest counts it."""
    path = target / name
    digest, size = _begin(name), 0
    with (listing.folder / name).open("rb") as source, path.open("xb") as copy:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            copy.write(chunk)
            size += len(chunk)
    if size != listing.sizes[name]:
        raise UnusableInput(
            f"{listing.folder / name} had {listing.sizes[name]} bytes and now {size}: "
            "it changes while it is copied"
        )
    again = _begin(name)
    with path.open("rb") as copy:
        while chunk := copy.read(_CHUNK_BYTES):
            again.update(chunk)
    if again.digest() != digest.digest():
        raise UnusableInput(f"{path} does not read as it was written: is the storage sound?")
    return int.from_bytes(digest.digest())


def _begin(name: str) -> "hashlib._Hash":
    return hashlib.sha256(name.encode("utf-8", "surrogateescape") + b"\0")
