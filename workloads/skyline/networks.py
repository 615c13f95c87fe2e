"""Trained networks ready for whole photographs: from a checkpoint, or as they were exported."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras import ops

from workloads.common import checkpoints
from workloads.common.construction import make_model
from workloads.common.devices import Devices
from workloads.common.digests import file_digest
from workloads.common.errors import UnusableInput
from workloads.common.inference import (
    Infer,
    compiled,
    load_lite_model,
    load_saved_model,
    run_compiled,
)
from workloads.skyline import VERSION
from workloads.skyline.exports import Export
from workloads.skyline.model import MODEL_NAMES, build


@dataclass(frozen=True)
class TrainedNetwork:
    """A network, and what is to be recorded of it.

    `form` is "checkpoint", "saved_model" or "tflite"; `digest` is of its files; `pipeline` fed it
    in training; `precision` is that of its arithmetic here.
    """

    infer: Infer
    form: str
    name: str
    digest: str
    precision: str
    pipeline: str
    epochs: int


def on_photographs(model: keras.Model) -> Callable[[Any], Any]:
    """The network as a function of photographs, uint8 (n, height, width, 3), in any size."""
    return lambda photographs: model(ops.cast(photographs, "float32"), training=False)


def restore_network(folder: Path, devices: Devices, precision: str | None = None) -> keras.Model:
    """The network that `train` left in `folder`, in `precision` (None: that of its training).

    Raises UnusableInput where there is no checkpoint of a skyline network.
    """
    path = folder / checkpoints.BEST
    about = describe_checkpoint(folder)
    precision = precision or str(about.settings["precision"])
    model = make_model(devices, lambda: build(about.model), 0, precision)
    checkpoints.restore(path, model)
    return model


def describe_checkpoint(folder: Path) -> checkpoints.Checkpoint:
    """What the checkpoint in `folder` says of itself. UnusableInput where it is of no use here."""
    path = folder / checkpoints.BEST
    about = checkpoints.describe(path)
    if about.model not in MODEL_NAMES:
        raise UnusableInput(
            f"{path} holds the model '{about.model}', not one of {', '.join(MODEL_NAMES)}"
        )
    if (version := about.settings.get("workload_version")) != VERSION:
        raise UnusableInput(
            f"{path} was trained by version {version} of the workload, this is {VERSION}, which "
            "computes otherwise: train again"
        )
    return about


def network_of_checkpoint(folder: Path, devices: Devices) -> TrainedNetwork:
    """The best weights that `train` left in `folder`. UnusableInput where there are none."""
    about = describe_checkpoint(folder)
    model = restore_network(folder, devices)
    return TrainedNetwork(
        run_compiled(compiled(on_photographs(model))),
        "checkpoint",
        about.model,
        file_digest(folder / checkpoints.BEST),
        str(about.settings["precision"]),
        str(about.settings["pipeline"]),
        int(about.state["epochs"]),
    )


def network_of_export(export: Export) -> TrainedNetwork:
    """An exported network. UnusableInput where its files are not those that were exported."""
    load = load_lite_model if export.form == "tflite" else load_saved_model
    about = export.manifest
    return TrainedNetwork(
        load(export.path),
        export.form,
        str(about["model"]),
        export.digest,
        "float32",
        str(about["pipeline"]),
        int(about["epochs_trained"]),
    )
