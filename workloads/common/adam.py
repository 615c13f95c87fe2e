"""Adam as Keras has it, with the arithmetic of a variable's step in one loop on a CPU."""

from typing import Any

import keras
from keras import ops

from workloads.common.fusion import fused


class FusedAdam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` without its options: the same formula, fused (see fusion.py)."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move `variable` against its gradient (Kingma and Ba, ICLR 2015, end of section 2)."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities[index]
        step = ops.cast(self.iterations + 1, "float32")
        rate = ops.cast(learning_rate, "float32")
        rate *= ops.sqrt(1 - ops.power(self.beta_2, step)) / (1 - ops.power(self.beta_1, step))
        state = (variable, momentum, velocity)
        moved = _move(*state, gradient, rate, self.beta_1, self.beta_2, self.epsilon)
        for each, value in zip(state, moved, strict=True):
            self.assign(each, value)


@fused
def _move(
    value: Any,
    momentum: Any,
    velocity: Any,
    gradient: Any,
    rate: Any,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> tuple[Any, Any, Any]:
    """The next value, momentum and velocity."""
    momentum = momentum + (gradient - momentum) * (1 - beta_1)
    velocity = velocity + (ops.square(gradient) - velocity) * (1 - beta_2)
    return value - rate * momentum / (ops.sqrt(velocity) + epsilon), momentum, velocity
