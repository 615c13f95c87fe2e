"""Running a trained network on batches of images, from Keras or as it was exported."""

import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workloads.common.devices import Devices, open_devices
from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import process_group
from workloads.common.host_memory import tensor_of
from workloads.common.pool import available_processors

# From uint8 images (n, height, width, 3) of any size to what the network says of them, float32.
Infer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

IMAGES = tf.TensorSpec((None, None, None, 3), tf.uint8, name="images")
ENDPOINT = "serving_default"


def require_one_process(environment: Mapping[str, str] = os.environ) -> None:
    """Raise UnusableInput where several processes were started for the work of one."""
    processes = process_group(environment).processes
    if processes > 1:
        raise UnusableInput(
            f"{processes} processes were started, but this stage is the work of one: start one"
        )


def open_one_device(gpus: int | None) -> Devices:
    """Take one device for inference: a GPU for 1, the CPU for 0, a GPU if there is one for None.

    Raises UnusableInput where more are asked for, and as `open_devices` does.
    """
    if gpus is None:
        gpus = min(1, len(tf.config.list_physical_devices("GPU")))
    if gpus > 1:
        raise UnusableInput(f"{gpus} GPUs were asked for, but this stage uses one: give --gpus 1")
    return open_devices(gpus, deterministic=True)


def compiled(network: Callable[[Any], Any]) -> tf.types.experimental.ConcreteFunction:
    """A TensorFlow function of uint8 images, traced once for all their sizes."""
    return tf.function(network, input_signature=[IMAGES]).get_concrete_function()


def run_compiled(function: tf.types.experimental.ConcreteFunction) -> Infer:
    """A compiled network as a function of arrays."""
    return lambda images: function(tf.constant(images)).numpy()


@dataclass(frozen=True)
class PlacedNetwork:
    """A copy of a network on one device, and the function of arrays that computes with it there.

    It is compiled once for every shape. An array must not be changed from when it was given.
    """

    model: keras.Model
    infer: Callable[[NDArray[np.float32]], NDArray[np.float32]]

    def weights(self) -> bytes:
        """All weights of the copy, one after the other."""
        return b"".join(weight.tobytes() for weight in self.model.get_weights())


def place_copies(devices: Devices, build: Callable[[], keras.Model]) -> list[PlacedNetwork]:
    """Build a copy of a network on each device of this process, which compute independently."""
    return [_place(device, build) for device in devices.local_placements()]


def _place(device: str | None, build: Callable[[], keras.Model]) -> PlacedNetwork:
    with tf.device(device):
        model = build()
    function = tf.function(lambda inputs: model(inputs, training=False))

    def infer(inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        with tf.device(device):
            return function(tensor_of(inputs)).numpy()

    return PlacedNetwork(model, infer)


def load_saved_model(folder: Path) -> Infer:
    """A network that `write_saved_model` wrote. Raises UnusableInput where there is none."""
    try:
        model = tf.saved_model.load(str(folder))
        (output,) = model.signatures[ENDPOINT].structured_outputs
    except (OSError, KeyError, ValueError, tf.errors.OpError):
        raise UnusableInput(f"{folder} is not a SavedModel: export again") from None

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        # Through the model, which holds the variables: the endpoint alone would let them go.
        return model.signatures[ENDPOINT](images=tf.constant(images))[output].numpy()

    return infer


def load_lite_model(path: Path) -> Infer:
    """A network that `write_lite_model` wrote. Raises UnusableInput where there is none.

    TensorFlow Lite computes on the CPU, with all the processors that this process may use.
    """
    try:
        with warnings.catch_warnings():
            # It names a successor of this interpreter, which is no part of TensorFlow.
            warnings.simplefilter("ignore")
            interpreter = tf.lite.Interpreter(
                model_content=path.read_bytes(), num_threads=available_processors()
            )
        (given,) = interpreter.get_input_details()
        (result,) = interpreter.get_output_details()
    except (OSError, ValueError):
        raise UnusableInput(f"{path} is not a TensorFlow Lite model: export again") from None
    shape: tuple[int, ...] = ()

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        nonlocal shape
        if images.shape != shape:
            interpreter.resize_tensor_input(given["index"], images.shape)
            interpreter.allocate_tensors()
            shape = images.shape
        interpreter.set_tensor(given["index"], images)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(result["index"]))

    return infer
