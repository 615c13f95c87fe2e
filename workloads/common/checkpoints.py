"""Checkpoints: a model's weights, its optimizer's state and the loop's state in one HDF5 file."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from workloads.common.errors import UnusableInput
from workloads.common.hdf5 import replacing_hdf5
from workloads.common.writing import replacing

BEST, LAST = "best.h5", "last.h5"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file says about itself: the model's name, its settings, the loop's state.

    `settings` are what must be equal for a run to be continued.
    """

    model: str
    settings: dict[str, Any]
    state: dict[str, Any]


def save(
    path: Path,
    about: Checkpoint,
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
) -> None:
    """Write a checkpoint at `path`, whole or not at all."""
    with replacing_hdf5(path) as file:
        file.attrs["model"] = about.model
        file.attrs["settings"] = json.dumps(about.settings, sort_keys=True)
        file.attrs["state"] = json.dumps(about.state)
        _write(file.create_group("weights"), model.variables)
        if optimizer is not None:
            _write(file.create_group("optimizer"), optimizer.variables)


def describe(path: Path) -> Checkpoint:
    """Read what a checkpoint says about itself; UnusableInput when `path` is none."""
    try:
        with h5py.File(path) as file:
            return Checkpoint(
                str(file.attrs["model"]),
                json.loads(file.attrs["settings"]),
                json.loads(file.attrs["state"]),
            )
    except FileNotFoundError:
        raise UnusableInput(f"no checkpoint at {path}: run the train stage first") from None
    except (OSError, KeyError, ValueError):
        raise UnusableInput(f"{path} is not a checkpoint of this suite: train again") from None


def restore(
    path: Path, model: keras.Model, optimizer: keras.optimizers.Optimizer | None = None
) -> Checkpoint:
    """Load a checkpoint into `model` (and `optimizer`), and return what it says about itself.

    Raises UnusableInput when it is a checkpoint of another model, or none at all.
    """
    about = describe(path)
    if about.model != model.name:
        raise UnusableInput(
            f"{path} holds the model '{about.model}', not '{model.name}': "
            f"give --model {about.model}, or another checkpoint"
        )
    with h5py.File(path) as file:
        _read(path, file["weights"], model.variables)
        if optimizer is not None:
            if "optimizer" not in file:
                raise UnusableInput(f"{path} holds no optimizer state: training starts anew")
            _read(path, file["optimizer"], optimizer.variables)
    return about


def change_state(path: Path, state: dict[str, Any]) -> None:
    """Replace the loop's state in a checkpoint, whole or not at all."""
    with replacing(path) as temporary:
        shutil.copyfile(path, temporary)
        with h5py.File(temporary, "r+") as file:
            file.attrs["state"] = json.dumps(state)


def _write(group: h5py.Group, variables: list[Any]) -> None:
    for index, variable in enumerate(variables):
        group.create_dataset(f"{index:04d}", data=keras.ops.convert_to_numpy(variable.value))


def _read(path: Path, group: h5py.Group, variables: list[Any]) -> None:
    shapes = [tuple(group[name].shape) for name in sorted(group)]
    if shapes != [tuple(variable.shape) for variable in variables]:
        raise UnusableInput(f"{path} does not fit this version of the model: train again")
    for index, variable in enumerate(variables):
        variable.assign(np.asarray(group[f"{index:04d}"]))
