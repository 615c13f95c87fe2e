"""The two published networks, fully convolutional, in Keras 3 on any backend.

On a 29×29 patch they give one position; on a photograph, a map of positions (for the original
network 53×73 from 240×320). The output's last axis is (no skyline, skyline), after softmax.
"""

from typing import Literal

import keras
from keras import layers

from workloads.common.pooling import BiasedMaxPooling2D
from workloads.skyline.convolution import CoveringConv2D

ModelName = Literal["original", "optimised"]
MODEL_NAMES: tuple[ModelName, ...] = ("original", "optimised")
#: The layer in front of the softmax.
SCORES = "score"
LEARNING_RATES: dict[ModelName, float] = {"original": 1e-4, "optimised": 1e-3}


def build(name: str) -> keras.Model:
    """Build a network; its initial weights follow `keras.utils.set_random_seed`.

    "original": 428,732 parameters, trained with Adam at 1e-4.
    "optimised": 20,578 parameters of separable convolutions, trained with Adam at 1e-3.
    Input: float images in 0..255, shape (batch, height, width, 3): the published networks see
    pixels as they are, and learn faster for it. ValueError on another name.
    """
    inputs = keras.Input((None, None, 3), name="image")
    if name == "original":
        scores = _original(inputs)
    elif name == "optimised":
        scores = _optimised(inputs)
    else:
        raise ValueError(f"no model {name!r}: choose one of {', '.join(MODEL_NAMES)}")
    # In mixed precision the probabilities, and the loss, are still computed in float32.
    scores = layers.Activation("linear", dtype="float32", name=SCORES)(scores)
    outputs = layers.Softmax(dtype="float32", name="probability")(scores)
    return keras.Model(inputs, outputs, name=name)


def _original(images: keras.KerasTensor) -> keras.KerasTensor:
    features = layers.Conv2D(20, 6, use_bias=False)(images)
    features = BiasedMaxPooling2D()(features)
    features = layers.Conv2D(50, 5, use_bias=False)(features)
    features = BiasedMaxPooling2D()(features)
    features = CoveringConv2D(500, 4, activation="relu")(features)
    return CoveringConv2D(2, 1)(features)


def _optimised(images: keras.KerasTensor) -> keras.KerasTensor:
    features = layers.Conv2D(32, 3, activation="relu")(images)
    for filters, strides in ((32, 2), (64, 1), (64, 2), (128, 1)):
        features = layers.SeparableConv2D(filters, 3, strides=strides, activation="relu")(features)
    return CoveringConv2D(2, 3)(features)
