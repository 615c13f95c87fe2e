"""Trained networks on disk: writing one, and loading it without running anything out of it."""

import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from workloads.common import checkpoints
from workloads.common.construction import make_model
from workloads.common.devices import Devices
from workloads.common.digests import file_digest
from workloads.common.errors import UnusableInput
from workloads.slstr.model import build

MODEL_FILE = "model.keras"


@dataclass(frozen=True)
class SavedNetwork:
    """A trained network, and the digest of the file that it came from."""

    model: keras.Model
    digest: str


def save_network(folder: Path, model: keras.Model) -> Path:
    """Write a network with its normalisation as `folder / model.keras`, whole or not at all."""
    path = folder / MODEL_FILE
    # Keras decides by the end of the name what it writes.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".model.") as unfinished:
        written = Path(unfinished) / MODEL_FILE
        model.save(written)
        written.rename(path)
    return path


def load_network(path: Path, devices: Devices, precision: str) -> SavedNetwork:
    """The U-Net with the weights in a file: .keras, .h5 of Keras or a checkpoint, or OUT of train.

    Only weights are read. What else such a file says, which may be a program, is not.
    `precision` is a Keras policy. Raises UnusableInput where they are not those of this network.
    """
    file = path / MODEL_FILE if path.is_dir() else path
    if not file.is_file():
        raise UnusableInput(f"{file} is not there: name the OUT of train, or a .keras or .h5 file")
    model = make_model(devices, build, 0, precision)
    # A weight that is not in the file would stay as it was made.
    for variable in model.variables:
        variable.assign(np.full(variable.shape, np.nan))
    try:
        with warnings.catch_warnings():
            # About weights that the file lacks; those are found below.
            warnings.simplefilter("ignore")
            _load(file, model)
        # Of another kind, shape, or no such file at all: Keras says so in as many ways.
    except Exception as error:
        raise UnusableInput(
            f"{file} does not hold the weights of the cloud mask's U-Net with its normalisation "
            f"({_first_line(error)}): train again, or name another file"
        ) from None
    if any(np.isnan(np.asarray(variable)).any() for variable in model.variables):
        raise UnusableInput(
            f"{file} lacks weights of the cloud mask's U-Net: train again, or name another file"
        )
    return SavedNetwork(model, file_digest(file))


def _load(file: Path, model: keras.Model) -> None:
    if file.suffix == ".h5" and _is_checkpoint(file):
        checkpoints.restore(file, model)
    else:
        model.load_weights(file)


def _is_checkpoint(file: Path) -> bool:
    try:
        checkpoints.describe(file)
    except UnusableInput:
        return False
    return True


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return line.partition(" Example error")[0]
