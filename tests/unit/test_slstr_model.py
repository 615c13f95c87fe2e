"""The U-Net of the slstr workload: its size, its cost, and that it takes scenes of any size."""

import keras
import numpy as np
import pytest

from workloads.common.flops import forward_flops
from workloads.slstr.model import CHANNELS, SCORES, STRIDE, build


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return build()


def test_it_has_the_parameters_and_the_cost_of_the_published_one(model):
    assert sum(weight.value.numpy().size for weight in model.trainable_weights) == 1_948_609
    assert forward_flops(model, (256, 256, CHANNELS)) / 256**2 == pytest.approx(0.328e6, rel=1e-3)


@pytest.mark.parametrize("shape", [(STRIDE, 3 * STRIDE), (40, 56)])
def test_every_pixel_gets_a_probability_whatever_the_size(model, shape):
    channels = np.random.default_rng(0).normal(size=(2, *shape, CHANNELS)).astype(np.float32)
    outputs = np.asarray(model(channels))
    assert outputs.shape == (2, *shape, 1)
    scores = keras.Model(model.inputs, model.get_layer(SCORES).output)(channels)
    assert outputs == pytest.approx(1 / (1 + np.exp(-np.asarray(scores))), abs=1e-6)
    assert 0.0 < outputs.min() < outputs.max() < 1.0


def test_a_pixel_is_judged_by_what_surrounds_it(model):
    channels = np.zeros((1, 64, 64, CHANNELS), np.float32)
    changed = channels.copy()
    changed[0, 32, 32] = 1.0
    seen = np.asarray(model(channels) - model(changed))[0, ..., 0] != 0
    rows, columns = np.nonzero(seen)
    assert seen[32, 32]
    assert min(rows.max() - rows.min(), columns.max() - columns.min()) > 2 * STRIDE
