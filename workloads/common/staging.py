"""Copying a dataset to storage of the node, once for each node, for as long as a run takes.

Copies lie in SCRATCH/trigpoint-UID/NODE@RANDOM, of mode 0700. The process that made one holds a
lock on a file inside: a folder whose lock can be taken was left by a run that was killed, and is
removed by the same user's next run on the node. Making and looking happen under the lock of the
folder above, so that no copy is seen before it is locked.
"""

import contextlib
import fcntl
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workloads.common.copying import Listing, copy_files, list_files
from workloads.common.errors import OUT_OF_SPACE, UnusableInput, error_number
from workloads.common.progress import progress_of
from workloads.common.termination import last_act

LOCK = ".lock"
CONTENT = "dataset"


@dataclass(frozen=True)
class Dataset:
    """What to copy: the wanted files of a folder, and their digest where a manifest tells it."""

    folder: Path
    wanted: Callable[[str], bool]
    digest: str | None = None


@contextlib.contextmanager
def staged(dataset: Dataset, scratch: Path, shown: bool = False) -> Iterator[tuple[Path, int]]:
    """Yield a verified copy of a dataset on `scratch`, and its bytes; it is removed at the end.

    Raises UnusableInput where `scratch` cannot be used, is too small, or the copy is not what was
    read.
    """
    listing = list_files(dataset.folder, dataset.wanted)
    with _own_folder(scratch) as folder:
        _require_space(listing, scratch)
        try:
            with progress_of("staging", listing.bytes >> 20, "MiB", shown) as advance:
                digest = str(copy_files(listing, folder / CONTENT, advance))
        except OSError as error:
            if error_number(error) not in OUT_OF_SPACE:
                raise
            raise UnusableInput(
                f"{scratch} on {socket.gethostname()} was filled up while {_size(listing.bytes)} "
                f"were copied, {_size(_free(scratch))} are free now: free some, or leave out "
                "--scratch"
            ) from None
        if dataset.digest is not None and digest != dataset.digest:
            raise UnusableInput(
                f"the files of {dataset.folder} are not those of its manifest: the dataset is "
                "damaged or was changed; get it again"
            )
        yield folder / CONTENT, listing.bytes


def _private_parent(scratch: Path) -> Path:
    """The folder of this user's copies; refused where it is anybody else's, or a link."""
    if not scratch.is_dir():
        raise UnusableInput(
            f"there is no folder {scratch} on {socket.gethostname()}: correct --scratch"
        )
    parent = scratch / f"trigpoint-{os.geteuid()}"
    with contextlib.suppress(FileExistsError):
        parent.mkdir(mode=0o700)
    facts = parent.lstat()
    private = stat.S_ISDIR(facts.st_mode) and not facts.st_mode & 0o077
    if not private or facts.st_uid != os.geteuid():
        raise UnusableInput(
            f"{parent} on {socket.gethostname()} is not a folder of this user alone: remove it, "
            "or choose another --scratch"
        )
    return parent


@contextlib.contextmanager
def _own_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder under its lock; remove what killed runs left, and itself at the end."""
    with _locked(scratch) as parent:
        orphans = [folder for folder in parent.glob(f"{_node()}@*") if _is_orphan(folder)]
        folder = Path(tempfile.mkdtemp(prefix=f"{_node()}@", dir=parent))
        own = (folder / LOCK).open("w")
        fcntl.flock(own, fcntl.LOCK_EX)
        for orphan in orphans:
            # Under the lock of the folder above: nobody else takes it for an orphan meanwhile.
            shutil.rmtree(orphan, ignore_errors=True)
    with own, last_act(lambda: _remove(folder, scratch)):
        yield folder


def _remove(folder: Path, scratch: Path) -> None:
    """Remove a copy, and the folder above where it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    # Another run may hold the lock, or have come in between: then the folder is its to remove.
    with contextlib.suppress(OSError), _locked(scratch, fcntl.LOCK_NB) as parent:
        if not any("@" in entry.name for entry in parent.iterdir()):
            (parent / LOCK).unlink()
            parent.rmdir()


@contextlib.contextmanager
def _locked(scratch: Path, waiting: int = 0) -> Iterator[Path]:
    """Hold the lock of this user's folder on `scratch`, which is made where it is missing."""
    while True:
        try:
            parent = _private_parent(scratch)
            lock = (parent / LOCK).open("w")
        except FileNotFoundError:
            # It was removed since it was looked at.
            continue
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX | waiting)
            if os.fstat(lock.fileno()).st_nlink:
                yield parent
                return


def _is_orphan(folder: Path) -> bool:
    """Whether nobody holds the lock of `folder`."""
    try:
        with (folder / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        # Removal was begun, and killed.
        return True
    except OSError:
        # It is held, or it is nothing that a run leaves: a plain file, or not readable.
        return False


def _node() -> str:
    # Scratch may be shared by nodes after all, and locks may not reach from one to the other.
    return socket.gethostname()


def _require_space(listing: Listing, scratch: Path) -> None:
    free = _free(scratch)
    if listing.blocks > free:
        raise UnusableInput(
            f"the dataset needs {_size(listing.blocks)} on {scratch} of {socket.gethostname()}, "
            f"where {_size(free)} are free: free some, or leave out --scratch"
        )


def _free(folder: Path) -> int:
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def _size(number: int) -> str:
    return f"{number / 1e9:.3f} GB"
