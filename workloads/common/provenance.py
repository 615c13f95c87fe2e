"""What a figure was measured with: versions of the suite, the workload and its libraries."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def suite_commit() -> str:
    """The checkout's commit, with "-modified" behind it when tracked files differ from it.

    An image has no checkout inside: there the variable TRIGPOINT_COMMIT says which it was built
    from. "unknown" when neither is to be had.
    """
    if stated := os.environ.get("TRIGPOINT_COMMIT"):
        return stated
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-modified" if _git("status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    # The owner of a checkout on a shared file system is often not who runs the job.
    command = ["git", "-c", f"safe.directory={CHECKOUT}", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30)
    done.check_returncode()
    return done.stdout.strip()


def versions(*packages: str) -> dict[str, str]:
    """`NAME_version` of Python and of each installed package in `packages`."""
    found = {"python_version": platform.python_version()}
    for package in packages:
        found[f"{package.replace('-', '_')}_version"] = metadata.version(package)
    return found
