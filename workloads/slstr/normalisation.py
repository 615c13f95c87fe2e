"""The first layer of the network: channels less their mean, over their deviation, 0 where unfilled.

Mean and deviation are those of the training scenes, and are saved with the weights: without them a
network is of no use.
"""

from typing import Any

import keras
from keras import ops

from workloads.slstr.moments import Moments


@keras.saving.register_keras_serializable("trigpoint")
class ChannelNormalisation(keras.layers.Layer):
    """Normalises each channel; NaN, a pixel without a value, becomes 0, the mean."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two vectors (channels,), which change nothing until they are set."""
        shape = input_shape[-1:]
        self.mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
        self.deviation = self.add_weight(
            shape=shape, initializer="ones", trainable=False, name="deviation"
        )

    def call(self, channels: Any) -> Any:
        """Channels (..., channels), normalised."""
        normal = (channels - self.mean) / self.deviation
        return ops.where(ops.isnan(normal), 0.0, normal)

    def set_moments(self, moments: Moments) -> None:
        """Take mean and deviation from those of the training set.

        A channel that never changes, or is never filled, is left as it is but for its mean.
        """
        deviations = moments.variances**0.5
        self.mean.assign(moments.means)
        self.deviation.assign([each if each > 0 else 1.0 for each in deviations])
