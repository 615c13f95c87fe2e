"""Runs the node's programs and reads the kernel's files, whatever they do."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def run(command: list[str], seconds: float = 60, **options: Any) -> tuple[int | None, str, str]:
    """Exit code, standard output and the last line of the errors; the code is None when the
    command could not run or did not end in time."""
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

    errors = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, done.stdout.decode(errors="replace"), errors[-1] if errors else ""


def read(path: str | Path) -> str:
    """The text of a file of the kernel's, or an empty one."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""
