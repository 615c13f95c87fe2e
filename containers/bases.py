"""What an image is built on: a named base, a reference in a registry, or a tree or file here."""

import enum
import re
from dataclasses import dataclass
from pathlib import Path

from containers.digests import path_digest
from containers.errors import UnusableInput


class Kind(enum.Enum):
    """Where a base comes from."""

    REGISTRY = "registry"
    FOLDER = "folder"
    ARCHIVE = "OCI archive"
    SIF = "SIF"


class Framework(enum.Enum):
    """Where TensorFlow comes from."""

    #: From the package index, all of it by the suite's lock.
    INDEX = "index"
    #: From the package index likewise. Of the base its Python is taken; its TensorFlow, which wants
    #: a newer cuDNN than it has beside it (github.com/tensorflow/build/issues/221), is not used.
    REPLACED_IN_BASE = "replaced in base"
    #: The base has a build of its own; what it depends on is the base's too.
    OWN_IN_BASE = "own in base"


@dataclass(frozen=True)
class Named:
    """A base with a short name."""

    reference: str
    gpus: str
    description: str


NAMED = {
    "cpu": Named("docker.io/library/debian:12.11-slim", "", "Debian 12, Python 3.11"),
    "cpu-debian-13": Named("docker.io/library/debian:13.1-slim", "", "Debian 13, Python 3.13"),
    "nvidia": Named(
        "docker.io/nvidia/cuda:12.9.1-base-ubuntu24.04",
        "nvidia",
        "NVIDIA's CUDA; TensorFlow and its libraries from the package index",
    ),
    "nvidia-tensorflow": Named(
        "docker.io/tensorflow/tensorflow:2.21.0-gpu",
        "nvidia",
        "TensorFlow's own image for GPUs, with the libraries that it lacks",
    ),
    "amd": Named(
        "docker.io/rocm/tensorflow:rocm7.14.1-ubuntu24.04-py3.12-tf2.21",
        "amd",
        "AMD's ROCm with its TensorFlow",
    ),
}
DEFAULT = "cpu"
# Also where a site mirrors them: what the images are is told by the end of their names.
_WITH_FRAMEWORK = {
    "nvidia/tensorflow": Framework.OWN_IN_BASE,
    "rocm/tensorflow": Framework.OWN_IN_BASE,
    "tensorflow/tensorflow": Framework.REPLACED_IN_BASE,
}
# [HOST[:PORT]/]NAME[/NAME...][:TAG][@sha256:DIGEST], as the OCI distribution specification has it.
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]+)?/)?"
    rf"(?P<name>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
# Recipes have no quoting for the path of a base.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+,=@:-]+")


@dataclass(frozen=True)
class Base:
    """A base as it was named; `digest` is empty while what a registry's tag is was not asked."""

    reference: str
    kind: Kind
    framework: Framework
    gpus: str
    digest: str

    @property
    def address(self) -> str:
        """What an engine fetches; of a digest without the tag, since Apptainer takes no both."""
        if self.kind is not Kind.REGISTRY or not self.digest:
            return self.reference
        name = re.sub(r"(:[^:/@]+)?(@.*)?$", "", self.reference)
        return f"{name}@{self.digest}"

    @property
    def label(self) -> str:
        """How an image names it: nothing of where it lay on the machine that built it."""
        if self.kind is Kind.REGISTRY:
            return self.reference
        return f"local:{self.digest.removeprefix('sha256:')[:12]}"


def resolve(text: str) -> Base:
    """The base that `text` says: a name above, a path, or a reference.

    Raises:
        UnusableInput: it is none of these.
    """
    if text in NAMED:
        return _registry(NAMED[text].reference, NAMED[text].gpus)
    path = Path(text)
    if text and path.exists():
        return _local(path.resolve())
    if text.startswith(("/", ".", "~")):
        raise UnusableInput(f"the base {text} does not exist")
    return _registry(text, _gpus_of(text))


def _registry(reference: str, gpus: str) -> Base:
    matched = _REFERENCE.fullmatch(reference)
    if matched is None or len(reference) > 255:
        raise UnusableInput(
            f"{reference!r} is no base: name one of {', '.join(NAMED)}, a path, or a reference "
            "such as docker.io/library/debian:12.11-slim"
        )
    repository = "/".join(matched["name"].split("/")[-2:])
    framework = _WITH_FRAMEWORK.get(repository, Framework.INDEX)
    return Base(reference, Kind.REGISTRY, framework, gpus, matched["digest"] or "")


def _local(path: Path) -> Base:
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise UnusableInput(
            f"the base {str(path)!r} has a character in its path that recipes cannot hold: move it"
        )
    if path.is_dir():
        if not (path / "etc").is_dir() or not (path / "usr").is_dir():
            raise UnusableInput(f"{path} is no tree of an operating system: it has no etc and usr")
        kind = Kind.FOLDER
    elif path.suffix == ".sif":
        kind = Kind.SIF
    elif path.suffix in {".oci", ".tar"}:
        kind = Kind.ARCHIVE
    else:
        raise UnusableInput(f"{path} is no base: a folder, a .sif, or an OCI archive (.oci, .tar)")
    try:
        digest = path_digest(path)
    except PermissionError as error:
        raise UnusableInput(
            f"the base {path} is not all yours to read ({error.filename}): build as its owner, or "
            "name another"
        ) from None
    return Base(str(path), kind, Framework.INDEX, "", digest)


def _gpus_of(reference: str) -> str:
    if "rocm" in reference:
        return "amd"
    named = ("cuda", "-gpu", "nvidia/tensorflow")
    return "nvidia" if any(each in reference for each in named) else ""
