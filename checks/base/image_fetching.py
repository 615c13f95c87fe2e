"""Fetches the file of an image: `python -m checks.base.image_fetching PLACE PROGRAM [WORD...]`.

The words are a command that writes a file, which the word `{}` among them stands for. It comes to
its place whole or not at all, and never over one that another session fetched meanwhile."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from checks.base.sanity import UNUSABLE_INPUT

#: No fetch takes longer: what is older was left by one that was killed.
SECONDS_LIMIT = 3 * 3600
#: Stands for the file to write.
FILE = "{}"
# By zstd in a fourth of the time that gzip takes, unless the site wants it otherwise.
_VARIABLES = {
    "APPTAINER_MKSQUASHFS_ARGS": "-comp zstd -Xcompression-level 3",
    # A cache would keep what is fetched twice more, in the home folder.
    "APPTAINER_DISABLE_CACHE": "1",
}


def fetch(place: Path, command: Sequence[str]) -> int:
    """Let a command write what is missing at a place; its exit code, 0 where nothing is missing.

    Raises:
        OSError: there is no such program, or nothing can be written beside the place.
    """
    if place.exists():
        return 0
    beside = f"{place.name}.partial-"
    _sweep(place.parent, beside)
    with tempfile.TemporaryDirectory(prefix=beside, dir=place.parent) as folder:
        file = Path(folder, "image")
        words = [str(file) if word == FILE else word for word in command]
        code = subprocess.run(words, env=_VARIABLES | os.environ, check=False).returncode
        if code == 0:
            _put(file, place)
    return code


def _put(file: Path, place: Path) -> None:
    # A link, unlike a new name, takes no place from a file that is there.
    try:
        os.link(file, place)
    except FileExistsError:
        return
    except OSError:
        # Some parallel file systems link within one folder only, or never.
        if not place.exists():
            file.rename(place)


def _sweep(folder: Path, prefix: str) -> None:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.name.startswith(prefix) and time.time() - path.stat().st_mtime > SECONDS_LIMIT:
                shutil.rmtree(path, ignore_errors=True)


def main(words: Sequence[str]) -> int:
    """Fetch as the words say; 2 where that is impossible."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # The command gets it as well, and ends; what it left is removed after that.
        signal.signal(number, lambda *_: None)
    try:
        return fetch(Path(words[0]), words[1:])
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return UNUSABLE_INPUT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
