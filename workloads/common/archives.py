"""Unpacking archives that came from elsewhere, without leaving the folder that they are for."""

import copy
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from workloads.common.errors import UnusableInput

_BLOCK = 1 << 20
_ENCRYPTED = 1


def unpack(archive: Path, folder: Path) -> int:
    """Unpack a .zip or .tar archive in `folder`; return the number of files.

    Only plain files and folders are taken. Raises UnusableInput on any other kind of archive, and
    before anything is written when a member is a link or would leave the folder.
    """
    if zipfile.is_zipfile(archive):
        with opened_zip(archive) as opened:
            files = zip_files(opened)
            write_zip_files(opened, files, folder)
        return len(files)
    if tarfile.is_tarfile(archive):
        return _unpack_tar(archive, folder)
    raise UnusableInput(f"{archive} is neither a zip nor a tar archive")


@contextmanager
def opened_zip(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive. UnusableInput where it is none, or is damaged or encrypted."""
    try:
        opened = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise UnusableInput(f"{archive} is not a zip archive ({error}): get it again") from None
    with opened:
        yield opened


def zip_files(opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive. UnusableInput where one is a link or would leave its folder."""
    files = [entry for entry in opened.infolist() if not entry.is_dir()]
    links = [each.filename for each in files if stat.S_ISLNK(each.external_attr >> 16)]
    if links:
        raise UnusableInput(f"{opened.filename} holds a link, {links[0]}: not unpacked")
    _require_inside(opened.filename, [entry.filename for entry in files])
    return files


def write_zip_files(opened: zipfile.ZipFile, files: Iterable[zipfile.ZipInfo], folder: Path) -> int:
    """Write `files` of an archive below `folder`, checking each one's size and checksum.

    Returns the bytes written. Raises UnusableInput, which names the archive and the file.
    """
    total = 0
    for entry in files:
        where = f"{entry.filename} in {opened.filename}"
        if entry.flag_bits & _ENCRYPTED:
            raise UnusableInput(f"{where} is encrypted: not unpacked")
        path = folder / entry.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            size = _copy_entry(opened, entry, file, where)
        if size != entry.file_size:
            raise UnusableInput(f"{where} is not of the size that it states: get it again")
        total += size
    return total


def _copy_entry(
    opened: zipfile.ZipFile, entry: zipfile.ZipInfo, file: IO[bytes], where: str
) -> int:
    # The library stops at the stated size in silence, and a checksum may agree with what it has
    # read. Asked for one byte more than that, it shows where there is more.
    generous = copy.copy(entry)
    generous.file_size += 1
    size = 0
    try:
        with opened.open(generous) as content:
            while block := content.read(_BLOCK):
                size += file.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UnusableInput(f"{where} is damaged ({error}): get it again") from None
    return size


def _unpack_tar(archive: Path, folder: Path) -> int:
    with tarfile.open(archive) as opened:
        entries = [entry for entry in opened.getmembers() if not entry.isdir()]
        odd = [entry.name for entry in entries if not entry.isfile()]
        if odd:
            raise UnusableInput(f"{archive} holds a link or device, {odd[0]}: not unpacked")
        _require_inside(archive, [entry.name for entry in entries])
        for entry in entries:
            content = opened.extractfile(entry)
            if content is not None:
                path = folder / entry.name
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file:
                    shutil.copyfileobj(content, file)
    return len(entries)


def _require_inside(archive: Path | str | None, members: Sequence[str]) -> None:
    for member in members:
        path = PurePosixPath(member.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or PureWindowsPath(member).drive:
            raise UnusableInput(f"{archive} would write outside its folder, {member}: refused")
