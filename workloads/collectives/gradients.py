"""The gradients that each model of the suite sums over its replicas at every step."""

import functools
import math
from collections.abc import Callable

import keras

from workloads.skyline import model as skyline

#: A model joins by one line. Its name ends the name of its metric.
MODELS: dict[str, Callable[[], keras.Model]] = {
    "skyline_original": functools.partial(skyline.build, "original"),
    "skyline_optimised": functools.partial(skyline.build, "optimised"),
}


def gradient_lengths(build: Callable[[], keras.Model]) -> tuple[int, ...]:
    """Elements of each gradient of a model, in the order of its trainable variables.

    They are float32 in every precision of the suite: variables are, and so their gradients.
    """
    return tuple(math.prod(variable.shape) for variable in build().trainable_variables)
