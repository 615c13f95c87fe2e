"""Looks at an image from within, and prints one line of JSON. It is sent there as it stands."""

import contextlib
import importlib
import io
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

HOME = Path("/opt/trigpoint")
# By any of their names: gcc, gcc-13, x86_64-linux-gnu-gcc-13.
COMPILER = re.compile(r"(\w+-linux-gnu-)?(cc|gcc|g\+\+|c\+\+|clang|clang\+\+|gfortran)(-[0-9.]+)?")
# Where the package index of the machine that built could have been left.
LEFTOVERS = (
    "/etc/pip.conf",
    "/root/.config/pip/pip.conf",
    "/root/.pip/pip.conf",
    f"{HOME}/pip.conf",
    "/mnt/pip.conf",
    "/mnt/certificates.pem",
    "/run/secrets/pip.conf",
)
NOT_WRITABLE = ("/", "/usr", "/etc", str(HOME))


def identity() -> dict[str, object]:
    """What the image says it is; empty where it is none of this suite."""
    try:
        return json.loads((HOME / "image.json").read_text())
    except (OSError, ValueError):
        return {}


def versions() -> dict[str, str]:
    """Of Python's packages, by normalised name."""
    return {
        re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(): found.version
        for found in metadata.distributions()
    }


def broken_imports() -> dict[str, str]:
    """Why, by name of each module of the suite that does not load."""
    found = {}
    try:
        package = importlib.import_module("workloads")
    except ImportError as error:
        return {"workloads": str(error)}
    names = [module.name for module in pkgutil.walk_packages(package.__path__, "workloads.")]
    for name in names:
        if not name.endswith(".__main__"):
            try:
                importlib.import_module(name)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
    return found


def stages_without_help(workload: str) -> dict[str, str]:
    """Exit code and last words, by stage whose --help does not work; "" where there are none."""
    try:
        package = importlib.import_module(f"workloads.{workload}.stages")
    except ImportError as error:
        return {"": str(error)}
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        command = [sys.executable, "-m", f"workloads.{workload}", module.name, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            found[module.name] = f"{done.returncode}: {done.stderr.strip()[-200:]}"
    return found


def compilers(folders: Iterable[str]) -> list[str]:
    """Those that lie in folders of programs."""
    found: set[str] = set()
    for folder in folders:
        with contextlib.suppress(OSError):
            found |= {path.name for path in Path(folder).iterdir() if COMPILER.fullmatch(path.name)}
    return sorted(found)


def writable(paths: Iterable[str]) -> list[str]:
    """Those folders in which a file can be made."""
    found = []
    for path in paths:
        probe = Path(path, f".probe-{os.getpid()}")
        with contextlib.suppress(OSError):
            probe.touch()
            probe.unlink()
            found.append(path)
    return found


def look() -> dict[str, object]:
    """Everything, as JSON has it."""
    said = identity()
    # What libraries print while they load would be taken for the answer.
    with contextlib.redirect_stdout(io.StringIO()):
        broken = broken_imports()
        without_help = stages_without_help(str(said.get("workload", "")))
    return {
        "identity": said,
        "commit_variable": os.environ.get("TRIGPOINT_COMMIT", ""),
        "python": sys.version.split()[0],
        "versions": versions(),
        "broken_imports": broken,
        "stages_without_help": without_help,
        "compilers": compilers(os.get_exec_path()),
        "leftovers": [path for path in LEFTOVERS if os.path.lexists(path)],
        "writable": writable(NOT_WRITABLE),
        "user": os.geteuid(),
    }


if __name__ == "__main__":
    print(json.dumps(look()))
