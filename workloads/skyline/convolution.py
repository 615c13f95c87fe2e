"""A convolution that becomes a matrix product where its kernel covers the whole input."""

import math
from typing import Any

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable("trigpoint")
class CoveringConv2D(layers.Conv2D):
    """Conv2D, "valid", whose result on an input of its kernel's size is a matrix product.

    On a patch the last convolutions of the networks see exactly one position. There a matrix
    product gives the same numbers (up to the order of summation) several times faster on a CPU.
    On anything larger this is Conv2D.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolve, shape (batch, height, width, filters)."""
        if tuple(inputs.shape[1:3]) != self.kernel_size:
            return super().convolution_op(inputs, kernel)
        size = math.prod(kernel.shape[:3])
        product = ops.matmul(
            ops.reshape(inputs, (-1, size)), ops.reshape(kernel, (size, self.filters))
        )
        return ops.reshape(product, (-1, 1, 1, self.filters))
