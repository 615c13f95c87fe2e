"""The checkout that an image is built from: its commit, and the files that an image carries."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from containers.errors import UnusableInput

CHECKOUT = Path(__file__).resolve().parents[1]
CODE = "workloads"
MODIFIED = "-modified"


def commit_of(checkout: Path) -> str:
    """The commit, with "-modified" behind it where tracked files differ from it, or code is new.

    A run from the checkout records it in the same words.

    Raises:
        UnusableInput: it is no checkout.
    """
    commit = _git(checkout, "rev-parse", "HEAD")
    changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    new = _git(checkout, "ls-files", "--others", "--exclude-standard", CODE)
    return f"{commit}{MODIFIED}" if changed or new else commit


def code_files(checkout: Path, packages: Sequence[str]) -> list[Path]:
    """The files of `packages` below workloads/, relative to the checkout, without ignored ones."""
    listing = _git(
        checkout, "ls-files", "-z", "--cached", "--others", "--exclude-standard", CODE
    ).split("\0")
    files = [Path(name) for name in sorted(set(filter(None, listing)))]
    return [
        file
        for file in files
        if (len(file.parts) == 2 or file.parts[1] in packages) and (checkout / file).is_file()
    ]


def _git(checkout: Path, *arguments: str) -> str:
    # The owner of a checkout on a shared file system is often not who builds.
    command = ["git", "-c", f"safe.directory={checkout}", *arguments]
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    except OSError as error:
        raise UnusableInput(f"the commit cannot be told: git: {error.strerror}") from None
    except subprocess.CalledProcessError as error:
        raise UnusableInput(
            f"{checkout} is no git checkout, whose commit an image must carry: "
            f"{error.stderr.strip()}"
        ) from None
    return done.stdout.strip("\n")
