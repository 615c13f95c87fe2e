"""Writing a network for those who run it elsewhere: as a SavedModel, and for TensorFlow Lite."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workloads.common.inference import ENDPOINT, IMAGES
from workloads.common.writing import replacing


def write_saved_model(folder: Path, model: keras.Model, network: Callable[[Any], Any]) -> None:
    """Write `network`, a function of uint8 images that calls `model`, as a SavedModel.

    Its endpoint takes `images`, uint8 (n, height, width, 3) of any size.
    """
    module = tf.Module()
    module.variables_of_model = [variable.value for variable in model.variables]
    module.infer = tf.function(network, input_signature=[IMAGES])
    tf.saved_model.save(module, str(folder), signatures={ENDPOINT: module.infer})


def write_lite_model(path: Path, saved_model: Path) -> None:
    """Write what `write_saved_model` wrote once more for TensorFlow Lite, in float32.

    From the SavedModel, because the converter leaves the weights out of a Keras model's function.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(saved_model), signature_keys=[ENDPOINT]
    )
    content = converter.convert()
    with replacing(path) as temporary:
        temporary.write_bytes(content)
