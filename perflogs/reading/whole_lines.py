"""Reads a performance log from where it was read last, block by block, to its last whole line."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from perflogs.reading.header import Header, NotAPerformanceLog, read_header
from perflogs.reading.origins import Origin, Position

BLOCK = 32 * 2**20
#: Of a first line; a file without a line break in so many bytes is something else.
_LONGEST_HEADER = 2**20
_DIGESTED = 4096


@dataclass(frozen=True)
class Lines:
    """Whole lines of one file that stand below the same header; `first` is the number of the first
    of them."""

    header: Header
    origin: Origin
    first: int
    data: bytes


def is_continued(path: Path, position: Position) -> bool:
    """Whether the file is the one that was read so far, with nothing before that place changed."""
    try:
        with path.open("rb") as file:
            return (
                _identity(file) == position.identity
                and _digest(file, position.size) == position.digest
            )
    except OSError:
        return False


def read_lines(path: Path, origin: Origin) -> Iterator[Lines]:
    """Yields what stands after the origin's position, and moves that on. Whether something stands
    behind the last whole line is noted too.

    What is no header where one must be, and any header in mid-file, goes to the origin as
    unreadable; the lines after another header are read by that one. Raises OSError."""
    position = origin.position or Position()
    header = read_header(position.header) if position.header else None
    with path.open("rb") as file:
        if header is None and (header := _first_header(file, origin)) is None:
            return

        lines = position.lines or 1
        size = position.size or file.tell()
        file.seek(size)
        for block in _blocks(file):
            for part in _parts(block, header, origin, lines + 1):
                header = part.header
                if part.data:
                    yield part

            size += len(block)
            lines += block.count(b"\n")

        origin.unfinished = file.tell() > size
        origin.changed = os.fstat(file.fileno()).st_mtime
        origin.position = Position(size, lines, header.text, _identity(file), _digest(file, size))


def _first_header(file: BinaryIO, origin: Origin) -> Header | None:
    line = file.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n") and len(line) < _LONGEST_HEADER:
        origin.unfinished = bool(line)
        return None

    text = line.decode(errors="replace")
    try:
        return read_header(text)
    except NotAPerformanceLog as error:
        origin.refuse(1, text.strip(), str(error))
        return None


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while data := file.read(BLOCK):
        end = data.rfind(b"\n") + 1
        if end:
            yield rest + data[:end]
            rest = data[end:]
        else:
            rest += data


def _parts(block: bytes, header: Header, origin: Origin, first: int) -> Iterator[Lines]:
    """The lines of a block, cut at every header in it; the last part has the header that holds
    at its end."""
    start = 0
    for at in _line_starts(block, header.prefix.encode()):
        end = block.index(b"\n", at) + 1
        text = block[at:end].decode(errors="replace").strip()
        try:
            found = read_header(text)
        except NotAPerformanceLog:
            # It is read, or refused, like any other line.
            continue

        before = block[start:at]
        yield Lines(header, origin, first, before)
        first += before.count(b"\n")
        again = "the header again" if found == header else "another header"
        origin.refuse(first, text, f"{again} in the middle of the file")
        start, header, first = end, found, first + 1

    yield Lines(header, origin, first, block[start:])


def _line_starts(block: bytes, prefix: bytes) -> Iterator[int]:
    if block.startswith(prefix):
        yield 0

    at = block.find(b"\n" + prefix)
    while at >= 0:
        yield at + 1
        at = block.find(b"\n" + prefix, at + 1)


def _identity(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_dev, status.st_ino


def _digest(file: BinaryIO, size: int) -> str:
    file.seek(0)
    digest = hashlib.sha256(file.read(min(size, _DIGESTED)))
    file.seek(max(0, size - _DIGESTED))
    digest.update(file.read(min(size, _DIGESTED)))
    return digest.hexdigest()
