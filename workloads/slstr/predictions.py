"""The prediction for a scene on disk: NAME.h5 with its cloud mask and the probability of cloud.

`mask` is uint8 (rows, columns): 1 cloud, 0 clear, UNFILLED where the scene is not filled.
`probability` is float16, NaN there.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.common.hdf5 import replacing_hdf5

FORMAT = {"format": "trigpoint-slstr-prediction", "format_version": 1}
PREDICTION_SUFFIX = ".h5"
_MASK, _PROBABILITY, _MADE_WITH = "mask", "probability", "made_with"

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Prediction:
    """A scene's cloud mask and probability (rows, columns), and what they were made with."""

    scene: str
    mask: Mask
    probability: NDArray[np.float16]
    made_with: dict[str, Any]


def prediction_file(folder: Path, scene: str) -> Path:
    """Where a scene's prediction is."""
    return folder / f"{scene}{PREDICTION_SUFFIX}"


def predicted_scenes(folder: Path) -> list[str]:
    """The names of the scenes that have a prediction in `folder`, sorted.

    Raises UnusableInput where there is none.
    """
    # A file that is being written has a dot before its name.
    names = sorted(path.stem for path in folder.glob(f"[!.]*{PREDICTION_SUFFIX}"))
    if not names:
        raise UnusableInput(
            f"there are no predictions, NAME{PREDICTION_SUFFIX}, in {folder}: name the "
            "PREDICTIONS of inference"
        )
    return names


def write_prediction(folder: Path, prediction: Prediction) -> None:
    """Write a prediction, whole or not at all. Raises OSError."""
    with replacing_hdf5(prediction_file(folder, prediction.scene)) as file:
        file.attrs.update(FORMAT | {"scene": prediction.scene})
        file.attrs[_MADE_WITH] = json.dumps(prediction.made_with, sort_keys=True)
        file.create_dataset(_MASK, data=prediction.mask)
        file.create_dataset(_PROBABILITY, data=prediction.probability)


def finished_prediction(folder: Path, scene: str, made_with: dict[str, Any]) -> Mask | None:
    """The mask of a scene that was made with just this; None where there is none."""
    try:
        with h5py.File(prediction_file(folder, scene), "r") as file:
            wanted = FORMAT | {"scene": scene}
            if wanted != {name: file.attrs.get(name) for name in wanted}:
                return None
            if json.loads(file.attrs[_MADE_WITH]) != made_with:
                return None
            return file[_MASK][...]
    except (OSError, KeyError, ValueError, TypeError):
        return None


def read_mask_at(
    folder: Path, scene: str, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> Mask:
    """The mask of a scene at the pixels (n,) of those rows and columns, UNFILLED where it is.

    Raises UnusableInput, which names the file, where that is not a prediction of the scene, or a
    pixel is not in it.
    """
    path = prediction_file(folder, scene)
    with _opened(path) as file:
        if any(file.attrs.get(name) != value for name, value in FORMAT.items()):
            raise UnusableInput(f"{path} is not a prediction of inference: run that again")
        if file.attrs.get("scene") != scene:
            raise UnusableInput(f"{path} is not of the scene that it is named after: remove it")
        mask = file[_MASK][...]
    outside = (rows < 0) | (rows >= mask.shape[0]) | (columns < 0) | (columns >= mask.shape[1])
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise UnusableInput(
            f"{path} has {mask.shape[0]} rows and {mask.shape[1]} columns, and no pixel at row "
            f"{rows[first]}, column {columns[first]}: is it of the same scenes?"
        )
    return mask[rows, columns]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """An HDF5 file, whose errors name it."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UnusableInput(f"{path} cannot be read ({error}): run inference again") from None
