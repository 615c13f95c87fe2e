"""Which engine builds an image: the one that was asked for, else the first that is there."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from containers.errors import UnusableInput

APPTAINER = "apptainer"
OF_DOCKERFILES = ("buildah", "podman", "docker")
ENGINES = (APPTAINER, *OF_DOCKERFILES)
SIF, SANDBOX, OCI = "sif", "sandbox", "oci"
IMAGE_FORMATS = (SIF, SANDBOX, OCI)


@dataclass(frozen=True)
class Engine:
    """A program that builds images, and its version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def find(name: str) -> Engine | None:
    """The engine of that name, if it is installed and answers."""
    # Docker's client alone builds nothing: it must reach its daemon.
    question = (
        ["docker", "version", "--format", "{{.Server.Version}}"]
        if name == "docker"
        else [name, "--version"]
    )
    if shutil.which(name) is None:
        return None
    try:
        done = subprocess.run(question, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return Engine(name, found.group()) if done.returncode == 0 and found else None


def choose(image_format: str, asked: str | None) -> Engine:
    """The engine that makes an image of that format here.

    Raises:
        UnusableInput: the one that was asked for is missing or cannot, or none is there.
    """
    able = OF_DOCKERFILES if image_format == OCI else ENGINES
    if asked is not None and asked not in able:
        raise UnusableInput(
            f"{asked} makes no OCI archive: use {', '.join(OF_DOCKERFILES)}, or --format sif"
        )
    for name in (asked,) if asked else able:
        found = find(name)
        if found is not None:
            return _with_converter(found, image_format)
    if asked:
        raise UnusableInput(_missing(asked))
    # The others make archives, of which Apptainer makes the rest.
    wanted = able if image_format == OCI else (APPTAINER,)
    install = " or ".join(wanted)
    raise UnusableInput(f"no engine is here that makes {image_format}: install {install}")


def _with_converter(engine: Engine, image_format: str) -> Engine:
    if engine.name != APPTAINER and image_format != OCI and find(APPTAINER) is None:
        raise UnusableInput(
            f"{engine.name} is here, but only apptainer makes {image_format} of what it builds: "
            "install apptainer, or ask for --format oci"
        )
    return engine


def _missing(name: str) -> str:
    if name == "docker" and shutil.which(name):
        return "docker is installed, but its daemon does not answer: start it, or name another"
    return f"{name} is not installed: install it, or let --engine out and see what is there"
