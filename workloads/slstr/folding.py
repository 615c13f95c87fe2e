"""The network for inference: what the trained one computes, with a fifth fewer operations.

Up-sampling to the nearest pixel makes four of one, and the convolution after it multiplies each of
them by itself. Adding up the weights that meet the same pixel beforehand leaves 4 products of 9.
Of a tile whose borders only surround what is wanted, the decoder need not compute what nothing
wanted depends on. Neither pays in training, where weights change and patches are wanted whole.
"""

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

# Rows: taps of the transposed convolution; columns: taps of the convolution of up-sampled pixels.
_SUMMED_TAPS = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], np.float64)


def fold(model: keras.Model, halo: int = 0) -> keras.Model:
    """A network of its own that equals the U-Net `model` up to rounding, and at its borders too.

    A 3x3 convolution of an up-sampled map beside another becomes the sum of a transposed 4x4
    convolution of the one, with stride 2, and a 3x3 convolution of the other. The outputs lack
    `halo` pixels at each border, a multiple of the network's stride, or 0.
    """
    inputs = keras.Input(model.input_shape[1:], name="channels")
    skips: list[keras.KerasTensor] = []
    features, raised = inputs, False
    margin = halo
    for layer in model.layers[1:]:
        if isinstance(layer, layers.UpSampling2D | layers.Concatenate):
            raised = True
        elif raised:
            level = len(skips) - 1
            kept = min(_needed_below(level), margin)
            below = _cropped(features, margin - kept)
            margin = 2 * kept
            skip = _cropped(skips.pop(), (halo >> level) - margin)
            features, raised = _convolve_raised(layer, below, skip), False
        else:
            if isinstance(layer, layers.MaxPooling2D):
                skips.append(features)
                margin //= 2
            features = _copied(layer, features)
    outputs = _cropped(features, margin, "float32")
    return keras.Model(inputs, outputs, name=f"folded_{model.name}")


def _needed_below(level: int) -> int:
    """How far beyond what is wanted the map must reach that is raised to `level`, in its pixels.

    Level 0 has the scene's pixels. The two convolutions there look two pixels further.
    """
    needed = 0
    for _ in range(level + 1):
        needed = -(-(needed + 2) // 2)
    return needed


def _cropped(
    features: keras.KerasTensor, pixels: int, dtype: str | None = None
) -> keras.KerasTensor:
    return layers.Cropping2D(pixels, dtype=dtype)(features) if pixels else features


def _copied(layer: keras.Layer, features: keras.KerasTensor) -> keras.KerasTensor:
    """What a copy of `layer`, with its weights, makes of `features`."""
    copy = type(layer).from_config(layer.get_config())
    outputs = copy(features)
    copy.set_weights(layer.get_weights())
    return outputs


def _convolve_raised(
    layer: layers.Conv2D, below: keras.KerasTensor, skip: keras.KerasTensor
) -> keras.KerasTensor:
    """What `layer` makes of `below`, up-sampled, beside `skip`."""
    kernel, bias = layer.get_weights()
    channels, dtype = below.shape[-1], layer.dtype_policy
    raised = layers.Conv2DTranspose(
        layer.filters, 4, strides=2, padding="same", use_bias=False, dtype=dtype
    )
    beside = layers.Conv2D(layer.filters, 3, padding="same", dtype=dtype)
    total = layers.Add(dtype=dtype)([beside(skip), raised(below)])
    raised.set_weights([_transposed_kernel(kernel[:, :, :channels])])
    beside.set_weights([kernel[:, :, channels:], bias])
    return layers.Activation(layer.activation, dtype=dtype)(total)


def _transposed_kernel(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a 3x3 `kernel` (3, 3, channels, filters) after up-sampling: (4, 4, filters, channels)."""
    summed = np.einsum("ai,bj,ijcf->abfc", _SUMMED_TAPS, _SUMMED_TAPS, kernel, optimize=True)
    return summed.astype(np.float32)
