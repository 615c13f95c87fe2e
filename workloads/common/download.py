"""Fetching an archive by address and checksum, and unpacking it without leaving its folder."""

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

import pooch

from workloads.common.errors import UnusableInput
from workloads.common.writing import give_default_mode


def fetch(url: str, sha256: str, folder: Path) -> Path:
    """Download `url` into `folder`, or find it there; return its path.

    Raises UnusableInput when it cannot be had, or is not what the checksum says: a file that
    fails the check is not kept.
    """
    name = f"{sha256[:12]}-{PurePosixPath(url).name or 'archive'}"
    try:
        path = Path(pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=name, path=folder))
    except ValueError as error:
        raise UnusableInput(f"{url} is not what --sha256 says: {error}") from None
    except OSError as error:
        raise UnusableInput(f"{url} cannot be fetched ({error}): check the address") from None
    # pooch leaves it with a temporary file's mode: for this user alone.
    give_default_mode(path)
    return path


def unpack(archive: Path, folder: Path) -> int:
    """Unpack a .zip or .tar archive in `folder`; return the number of files.

    Only plain files and folders are taken. Raises UnusableInput on any other kind of archive, and
    before anything is written when a member is a link or would leave the folder.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            members = [info.filename for info in opened.infolist() if not info.is_dir()]
            _require_inside(archive, members)
            for member in members:
                with opened.open(member) as content:
                    _write(content, folder / member)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as opened_tar:
            entries = [entry for entry in opened_tar.getmembers() if not entry.isdir()]
            odd = [entry.name for entry in entries if not entry.isfile()]
            if odd:
                raise UnusableInput(f"{archive} holds a link or device, {odd[0]}: not unpacked")
            members = [entry.name for entry in entries]
            _require_inside(archive, members)
            for entry in entries:
                extracted = opened_tar.extractfile(entry)
                if extracted is not None:
                    _write(extracted, folder / entry.name)
    else:
        raise UnusableInput(f"{archive} is neither a zip nor a tar archive")
    return len(members)


def _require_inside(archive: Path, members: list[str]) -> None:
    for member in members:
        path = PurePosixPath(member.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts:
            raise UnusableInput(f"{archive} would write outside its folder, {member}: refused")


def _write(content: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)
