"""How large an image is."""

import os
from pathlib import Path

from workloads.common.errors import UnusableInput


def image_bytes(image: Path) -> int:
    """Bytes of an image file, or of all files in a sandbox, those with several names once.

    Raises UnusableInput where there is none.
    """
    if not image.exists():
        raise UnusableInput(f"{image}: there is no such image: check --image")
    if image.is_file():
        return image.stat().st_size
    found = {}
    for folder, _, names in os.walk(image):
        for name in names:
            status = Path(folder, name).lstat()
            found[status.st_dev, status.st_ino] = status.st_size
    return sum(found.values())
