"""Text files that name other files, one path in each line."""

import codecs
import os
from pathlib import Path

from workloads.common.errors import UnusableInput


def read_list(path: Path) -> list[Path]:
    """The paths in a text file, one in each line, as they stand there; blank lines do not count.

    Raises UnusableInput when it cannot be read or names nothing.
    """
    try:
        content = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise UnusableInput(
            f"{path} cannot be read ({error.strerror}): a list is a text file"
        ) from None
    if b"\0" in content:
        raise UnusableInput(f"{path} cannot be read (it is not text): a list is a text file")
    # Names of files are bytes: they need not be UTF-8.
    paths = [Path(os.fsdecode(line.strip())) for line in content.splitlines() if line.strip()]
    if not paths:
        raise UnusableInput(f"{path} names no files: write one path in each line")
    return paths
