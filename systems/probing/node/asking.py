"""Runs the node's programs and reads the kernel's files, whatever they do."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# As Apptainer and Singularity mark them; advice of several lines may follow.
_ERROR = re.compile(r"(?:ERROR|FATAL)(?: {2}:|: {3})\s*")


def run(command: list[str], seconds: float = 60, **options: Any) -> tuple[int | None, str, str]:
    """Exit code, standard output, and of the errors the first that is marked as one, else the last
    line; the code is None when the command could not run or did not end in time."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            **options,
        )
    except subprocess.TimeoutExpired:
        return None, "", f"{command[0]} did not end within {seconds} seconds"
    except OSError as error:
        return None, "", str(error)

    complaint = _complaint(done.stderr.decode(errors="replace"))
    return done.returncode, done.stdout.decode(errors="replace"), complaint


def _complaint(errors: str) -> str:
    lines = _COLOURS.sub("", errors).strip().splitlines()
    marked = [_ERROR.sub("", line, count=1) for line in lines if _ERROR.match(line)]
    return (marked or lines[-1:] or [""])[0]


def read(path: str | Path) -> str:
    """The text of a file of the kernel's, or an empty one."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""
