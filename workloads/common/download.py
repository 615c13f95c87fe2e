"""Fetching a file by address and checksum."""

from pathlib import Path, PurePosixPath

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
