"""A loss scale for float16 whose steps are taken, or left out, by all replicas together."""

from typing import Any

import keras
import tensorflow as tf


class AgreedLossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras's own leaves a step out where a gradient is not finite, as each process finds alone.

    It takes gradients to be summed over replicas already, but that is done inside the step: a
    process that leaves it out would be waited for by the others for ever.
    """

    def apply(self, grads: list[Any], trainable_variables: list[Any] | None = None) -> None:
        """Take a step, or let all replicas leave it out where one has to."""
        amiss = 1.0 - tf.cast(self.check_finite(grads), tf.float32)
        context = tf.distribute.get_replica_context()
        anywhere = context.all_reduce(tf.distribute.ReduceOp.SUM, amiss) > 0
        spoilt = tf.where(anywhere, float("nan"), 0.0)
        super().apply([each + spoilt for each in grads], trainable_variables)
