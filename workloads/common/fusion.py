"""Small pieces of a step, each fused into one loop over memory where that pays: on a CPU."""

from collections.abc import Callable
from typing import Any

import keras


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of tensors, compiled by XLA where TensorFlow computes on a CPU, else as it is.

    TensorFlow passes over memory once for each operation, which on a CPU is what elementwise
    operations cost. A whole network is slower for it: XLA's convolutions are. Shapes must be
    static, and a `function` with variables of its own is not meant. Other backends compile whole
    steps anyway.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    compiled = tf.function(function, jit_compile=True)

    def choose(*arguments: Any) -> Any:
        if not is_fusing():
            return function(*arguments)
        # A Keras variable is not a tensor to TensorFlow's functions.
        return compiled(*map(tf.convert_to_tensor, arguments))

    return choose


def is_fusing() -> bool:
    """Whether `fused` compiles: what only pays when it does asks this first."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.get_visible_devices("GPU")
