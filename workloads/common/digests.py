"""Digests of sets of files: of a dataset in any order, and of the sources that make it."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

_MODULUS = 1 << 256


class FileSetDigest:
    """The sum, modulo 2²⁵⁶, of the sha256 of every file's name and content.

    Additive multiset hashing (Bellare and Micciancio, EUROCRYPT 1997): parts computed by several
    processes, in any order, add up to the same digest.
    """

    def __init__(self, total: int = 0) -> None:
        self.total = total

    def add(self, name: str, content: bytes) -> None:
        """Add one file; `name` is its path in the dataset, with forward slashes."""
        digest = hashlib.sha256(name.encode() + b"\0" + content).digest()
        self.total = (self.total + int.from_bytes(digest)) % _MODULUS

    def merge(self, other: "FileSetDigest") -> None:
        """Add all the files of `other`."""
        self.total = (self.total + other.total) % _MODULUS

    def in_hex(self) -> str:
        """The sum so far in 64 hex digits, from which another process can go on."""
        return f"{self.total:064x}"

    def __str__(self) -> str:
        return f"sha256-sum:{self.in_hex()}"


def source_digest(root: Path, files: Iterable[str]) -> str:
    """First 12 hex digits of the sha256 over source `files`, paths below `root`, in this order."""
    digest = hashlib.sha256()
    for name in files:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()[:12]


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
