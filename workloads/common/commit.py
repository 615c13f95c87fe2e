"""The commit of the code that runs: `python -m workloads.common.commit` prints it."""

import os
import subprocess
from pathlib import Path

from workloads.common.image_identity import CHECKOUT, image_identity

_CODE = "workloads"


def suite_commit(folder: Path = CHECKOUT) -> str:
    """The commit, with "-modified" behind it where tracked files differ from it, or code is new.

    An image says which it was built from. Elsewhere TRIGPOINT_COMMIT does where git is not to be
    had; "unknown" where nothing does.
    """
    if image := image_identity(folder):
        return image.commit
    if stated := os.environ.get("TRIGPOINT_COMMIT"):
        return stated
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
        new = _git(folder, "ls-files", "--others", "--exclude-standard", _CODE)
        return f"{commit}-modified" if changed or new else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    # The owner of a checkout on a shared file system is often not who runs the job.
    command = ["git", "-c", f"safe.directory={folder}", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
    done.check_returncode()
    return done.stdout.strip()


if __name__ == "__main__":
    print(suite_commit())
