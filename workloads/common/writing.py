"""Writing files and folders so that a killed stage leaves nothing that looks finished."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workloads.common.errors import UnusableInput


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it becomes `path` only if the block succeeds.

    The temporary file is removed when the block fails. Rename within one folder is atomic on
    POSIX file systems, so that a reader sees the old file, or the whole new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def give_default_mode(path: Path) -> None:
    """Give `path` the mode that any new file gets: colleagues may read it where umask says so."""
    mask = os.umask(0o077)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


@contextlib.contextmanager
def only_run(folder: Path, applies: bool = True) -> Iterator[int]:
    """Keep a second run out of `folder` while the block runs; UnusableInput when there is one.

    Yields the descriptor of the lock, which a process that inherits it keeps as well; -1 where
    this does not apply.
    """
    if not applies:
        yield -1
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableInput(
                f"another run is writing to {folder}: wait for it, or choose another folder"
            ) from None
        yield lock.fileno()


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON at `path`, whole or not at all; NaN is refused (ValueError)."""
    text = json.dumps(content, indent=1, sort_keys=True, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n")
