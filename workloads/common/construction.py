"""Making a model and its optimizer on the devices of a run, seeded, in the precision asked for."""

from collections.abc import Callable

import keras

from workloads.common.adam import FusedAdam
from workloads.common.devices import Devices
from workloads.common.loss_scale import AgreedLossScaleOptimizer


def make_model(
    devices: Devices, build: Callable[[], keras.Model], seed: int, precision: str
) -> keras.Model:
    """Build a model whose initial weights depend on `seed` alone.

    `precision` is a Keras policy: float32, mixed_bfloat16 or mixed_float16.
    """
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
    with devices.strategy.scope():
        return build()


def make_adam(devices: Devices, rate: float, precision: str) -> keras.optimizers.Optimizer:
    """Adam at a constant rate; in float16 with a loss scale, as its small gradients need."""
    with devices.strategy.scope():
        optimizer = FusedAdam(rate)
        if precision == "mixed_float16":
            return AgreedLossScaleOptimizer(optimizer)
        return optimizer
