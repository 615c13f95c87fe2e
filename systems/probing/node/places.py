"""Files and folders as the node sees them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from .asking import read

WRITTEN_BYTES = 1 << 20


def file_system(path: str) -> str:
    """The type of the file system that holds `path`: the longest mount point above it."""
    real, best, kind = os.path.realpath(path), "", ""
    for line in read("/proc/self/mountinfo").splitlines():
        fields = line.split()
        point = fields[4].encode().decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[fields.index("-") + 1]

    return kind


def place(path: str) -> dict[str, Any]:
    """Whether a file or folder is there, can be read and written, its size where it is a file, and
    how much is free."""
    # Path.exists alone would fail, for all paths, where one may not be looked at.
    exists = os.access(path, os.F_OK)
    folder = exists and Path(path).is_dir()
    answer: dict[str, Any] = {
        "exists": exists,
        "folder": folder,
        "readable": os.access(path, os.R_OK | (os.X_OK if folder else 0)),
        "writable": False,
        "free_bytes": 0,
        "file_system": "",
        "error": "",
        "size_bytes": 0,
    }
    if not exists:
        return answer

    answer["file_system"] = file_system(path)
    try:
        found = os.statvfs(path)
        answer["free_bytes"] = found.f_bavail * found.f_frsize
        if answer["folder"]:
            # Permissions say nothing about quotas, full disks and file systems gone read-only.
            with tempfile.TemporaryFile(dir=path) as file:
                file.write(b"\0" * WRITTEN_BYTES)
                file.flush()
                os.fsync(file.fileno())
            answer["writable"] = True
        else:
            answer["size_bytes"] = Path(path).stat().st_size
    except OSError as error:
        answer["error"] = str(error)

    return answer
