"""Floating-point operations of a Keras model, as model FLOP utilisation counts them.

Two for each multiply-add of convolutions and dense layers; biases, activations and pooling are left
out. Training takes three times the forward pass: the backward pass makes a product with the weights
and one with the inputs for every product forward. The convention is that of Kaplan et al., Scaling
laws for neural language models, 2020, section 2.1, and of Chowdhery et al., PaLM, 2022, appendix B,
who define the utilisation: what the model needs, whatever the hardware really did.
"""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from workloads.common.pooling import BiasedMaxPooling2D

TRAINING_PASSES = 3
Shape = tuple[int, ...]


def training_flops(model: keras.Model, shape: Shape) -> int:
    """Operations to train on one image of `shape` (height, width, channels)."""
    return TRAINING_PASSES * forward_flops(model, shape)


def forward_flops(model: keras.Model, shape: Shape) -> int:
    """Operations of one forward pass of a functional `model` over one input of `shape`.

    Raises TypeError for a layer with weights to train that no count is known for.
    """
    total = 0

    def call(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
        nonlocal total
        outputs = layer(*arguments, **options)
        total += 2 * _multiply_adds(layer, outputs.shape)
        return outputs

    keras.models.clone_model(
        model,
        input_tensors=keras.Input(shape),
        clone_function=lambda layer: layer,
        call_function=call,
    )
    return total


def _multiply_adds(layer: keras.Layer, outputs: Shape) -> int:
    for kind, count in _COUNTS.items():
        if isinstance(layer, kind):
            return count(layer, outputs)
    if layer.trainable_weights:
        raise TypeError(f"no count of operations is known for the layer {type(layer).__name__}")
    return 0


def _convolution(layer: Any, outputs: Shape) -> int:
    """Each position of each filter: a product with the kernel (height, width, channels)."""
    return math.prod(outputs[1:]) * math.prod(layer.kernel.shape[:-1])


def _separable_convolution(layer: Any, outputs: Shape) -> int:
    """At each position: the depthwise kernels, then a product of their channels by filters."""
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
    return math.prod(outputs[1:-1]) * sum(math.prod(kernel.shape) for kernel in kernels)


def _nothing(_layer: Any, _outputs: Shape) -> int:
    """A bias is not counted, whatever layer it is in."""
    return 0


def _dense(layer: Any, outputs: Shape) -> int:
    return math.prod(outputs[1:]) * layer.kernel.shape[0]


_COUNTS: dict[type[keras.Layer], Callable[[Any, Shape], int]] = {
    layers.SeparableConv2D: _separable_convolution,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    BiasedMaxPooling2D: _nothing,
}
