"""Which network made the predictions in a folder."""

import json
from collections.abc import Iterable
from pathlib import Path

import h5py

from workloads.common.errors import UnusableInput
from workloads.slstr.predictions import prediction_file

_TOLD = ("model_digest", "precision")


def read_origin(folder: Path, scenes: Iterable[str]) -> dict[str, str]:
    """`model_digest` and `precision` that the predictions of all `scenes` were made with.

    Raises UnusableInput, which names the file, where one does not say so, or was made otherwise
    than the first: figures of two networks together are those of neither.
    """
    paths = [prediction_file(folder, scene) for scene in scenes]
    first = _origin(paths[0])
    for path in paths[1:]:
        if _origin(path) != first:
            raise UnusableInput(
                f"{paths[0]} and {path} were made by different networks, or in different "
                "precisions: run inference again"
            )
    return first


def _origin(path: Path) -> dict[str, str]:
    try:
        with h5py.File(path, "r") as file:
            made_with = json.loads(file.attrs["made_with"])
        return {name: str(made_with[name]) for name in _TOLD}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UnusableInput(
            f"{path} does not say which network made it ({error}): run inference again"
        ) from None
