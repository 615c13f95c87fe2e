"""Writes a file so that nobody ever reads half of it."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes `text` under a temporary name in the same folder, then renames it to `path`.

    The file may be read by whoever may read others of this user's. Raises OSError where the folder
    cannot be written to; it names `path`."""
    try:
        _write(path, text)
    except OSError as error:
        if error.errno is None:
            raise

        # The name that it has been written under says nothing to whoever named the file.
        raise OSError(error.errno, error.strerror, str(path)) from None


def _write(path: Path, text: str) -> None:
    mask = os.umask(0)
    os.umask(mask)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o666 & ~mask)
            file.write(text)

        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
