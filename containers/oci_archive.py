"""Reading single files out of an OCI archive, without an engine."""

import json
import tarfile
from pathlib import Path
from typing import IO, Any

from containers.errors import BuildFailed


def read_file(archive: Path, name: str) -> bytes:
    """The bytes of the file `name` (without a leading /) in the uppermost layer that has it.

    Raises:
        BuildFailed: no layer has it, or it is no OCI archive.
    """
    try:
        with tarfile.open(archive) as outer:
            for layer in reversed(_manifest(outer)["layers"]):
                with tarfile.open(fileobj=_blob(outer, layer["digest"]), mode="r:*") as files:
                    for member in files:
                        if member.name.removeprefix("./") == name:
                            found = files.extractfile(member)
                            return found.read() if found else b""
    except (KeyError, tarfile.TarError, ValueError) as error:
        raise BuildFailed(f"{archive} is no OCI archive: {error}") from None
    raise BuildFailed(f"{archive} holds no /{name}")


def read_configuration(archive: Path) -> dict[str, Any]:
    """The configuration of its image: variables, labels, history."""
    with tarfile.open(archive) as outer:
        return json.load(_blob(outer, _manifest(outer)["config"]["digest"]))


def _manifest(outer: tarfile.TarFile) -> dict[str, Any]:
    index = json.load(_member(outer, "index.json"))
    found = json.load(_blob(outer, index["manifests"][0]["digest"]))
    # An index may point to an index, one for each platform.
    return (
        json.load(_blob(outer, found["manifests"][0]["digest"])) if "layers" not in found else found
    )


def _blob(outer: tarfile.TarFile, digest: str) -> IO[bytes]:
    return _member(outer, f"blobs/{digest.replace(':', '/')}")


def _member(outer: tarfile.TarFile, name: str) -> IO[bytes]:
    found = outer.extractfile(name)
    if found is None:
        raise ValueError(f"{name} is no file")
    return found
