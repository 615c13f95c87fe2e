"""What stands beside an image: from what, by what and when it was built, and what is in it."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from containers.digests import path_digest
from containers.errors import UnusableInput


@dataclass(frozen=True)
class Manifest:
    """The facts of one built image."""

    name: str
    format: str
    suite_commit: str
    recipe_kind: str
    recipe_digest: str
    sources_digest: str
    base: str
    #: Of a registry's tag what it was at the time; empty where the registry did not say.
    base_digest: str
    engine: str
    built: str
    build_seconds: float
    image_digest: str
    image_bytes: int
    #: Version by name; `python` as the lock has them, `system` as dpkg does.
    packages: dict[str, dict[str, str]]

    #: What an image must share with what is asked for to be the same.
    SAME: ClassVar = (
        "name",
        "format",
        "suite_commit",
        "recipe_kind",
        "recipe_digest",
        "sources_digest",
        "base_digest",
    )


def manifest_path(image: Path) -> Path:
    """Where the manifest of an image stands."""
    return image.with_name(f"{image.name}.manifest.json")


def write_manifest(image: Path, manifest: Manifest) -> None:
    """Write it beside the image, whole or not at all."""
    path = manifest_path(image)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(dataclasses.asdict(manifest), indent=1, sort_keys=True) + "\n")
    partial.replace(path)


def read_manifest(image: Path) -> dict[str, Any] | None:
    """What the manifest beside an image says; None where there is none.

    Raises:
        UnusableInput: it cannot be read.
    """
    # Of a link, what stands beside the image itself does as well.
    beside = [manifest_path(each) for each in (image, image.resolve())]
    path = next((each for each in beside if each.exists()), beside[0])
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{path} cannot be read: {error}; remove it and build again") from None
    if not isinstance(found, dict) or "image_digest" not in found:
        raise UnusableInput(f"{path} is no manifest of an image; remove it and build again")
    return found


def is_current(image: Path, wanted: dict[str, str]) -> bool:
    """Whether the image is there, unharmed, and was built from what is `wanted` (of SAME), where
    an empty `base_digest` is any."""
    found = read_manifest(image)
    if found is None or not image.exists():
        return False
    # A registry that cannot be asked does not say that its tag has moved: a login node without the
    # network would else build everything again. Where only the manifest has no digest, what the
    # image was built on is not known: it is built again, once, after which it is.
    compared = [name for name in Manifest.SAME if name != "base_digest" or wanted[name]]
    if any(found.get(name) != wanted[name] for name in compared):
        return False
    return found.get("image_digest") == path_digest(image)
