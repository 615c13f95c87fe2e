"""The pins of an image: those of the suite's own lock that a workload needs, with their hashes.

So an image has the versions that a run from the checkout has."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from containers.errors import UnusableInput

EXTRA = "workloads"
FRAMEWORK = "tensorflow"
#: The locks, by the maker of the GPUs that an image is for: that for NVIDIA's adds its libraries.
_LOCKS = {"nvidia": "requirements/nvidia.txt"}
_LOCK = "requirements/run.txt"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")


@dataclass(frozen=True)
class Pin:
    """One package of the lock: its lines as they stand there, and who depends on it."""

    name: str
    version: str
    lines: str
    wanted_by: frozenset[str]


def normalised(name: str) -> str:
    """A package's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> dict[str, Pin]:
    """The pins of a lock that `uv pip compile --generate-hashes` wrote, by normalised name.

    Raises:
        UnusableInput: a package has no exact version or no hash.
    """
    pins = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", path.read_text()):
        matched = _PIN.match(block)
        if matched is None or "--hash=sha256:" not in block:
            raise UnusableInput(f"{path}: no exact version and hash: {block.splitlines()[0]}")
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("#")]
        name = normalised(matched["name"])
        pins[name] = Pin(name, matched["version"], "\n".join(lines), _dependents(block))
    return pins


def _dependents(block: str) -> frozenset[str]:
    """Who wants a package: after `# via`, on its line or on those below it."""
    words = re.findall(r"^ +# +(?:via +)?([A-Za-z0-9._-]+)(?: .*)?$", block, re.MULTILINE)
    return frozenset(normalised(word) for word in words) - {"via"}


def read_roots(pyproject: Path) -> list[str]:
    """The packages that workloads name as their needs."""
    extras = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    return [normalised(requirement.split("==")[0]) for requirement in extras[EXTRA]]


def reachable(pins: Mapping[str, Pin], roots: Collection[str]) -> set[str]:
    """The `roots` and all that they depend on."""
    found, waiting = set(), set(roots)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {pin.name for pin in pins.values() if name in pin.wanted_by} - found
    return found


@dataclass(frozen=True)
class Requirements:
    """What is installed into an image: the file for pip, and each version in it."""

    text: str
    versions: dict[str, str]


def requirements(
    checkout: Path, in_base: Collection[str] = (), *, whole: bool = False, gpus: str = ""
) -> Requirements:
    """The lock of an image.

    Args:
        checkout: the suite's.
        in_base: packages that the image has otherwise.
        whole: leave out also all that those depend on.
        gpus: the maker of those that it is for; empty for none.

    Raises:
        UnusableInput: the lock lacks a package that workloads need.
    """
    lock = _LOCKS.get(gpus, _LOCK)
    pins = read_lock(checkout / lock)
    needed = reachable(pins, read_roots(checkout / "pyproject.toml"))
    if missing := needed - pins.keys():
        raise UnusableInput(f"{lock} lacks {', '.join(sorted(missing))}: make lock")
    needed -= reachable(pins, in_base) if whole else set(in_base)
    chosen = [pins[name] for name in sorted(needed)]
    text = "".join(f"{pin.lines}\n" for pin in chosen)
    return Requirements(text, {pin.name: pin.version for pin in chosen})
