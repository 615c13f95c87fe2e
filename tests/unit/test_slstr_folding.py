"""The folded network says what the trained one says, at the borders too, on any backend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from slstr_scene_files import random_network

from workloads.slstr.folding import fold
from workloads.slstr.model import build
from workloads.slstr.tiling import HALO

CHECKOUT = Path(__file__).parents[2]
ON_JAX = """
import json, sys
import keras, numpy as np
from workloads.slstr.folding import fold
from workloads.slstr.model import build
from workloads.slstr.tiling import HALO
arrays = np.load(sys.argv[1])
model = build()
model.set_weights([arrays[f"w{i}"] for i in range(len(model.weights))])
np.save(sys.argv[2], np.asarray(fold(model)(arrays["channels"])))
print(json.dumps({"backend": keras.backend.backend()}))
"""


@pytest.fixture(scope="module")
def model():
    return random_network()


def channels(shape):
    drawn = np.random.default_rng(0).normal(0.4, 0.3, (2, *shape, 9)).astype(np.float32)
    drawn[..., 6:] += 280
    drawn[:, :5, :3] = np.nan
    drawn[1, ..., 4] = np.nan
    return drawn


# The bottleneck is an eighth: of one row, of odd sides, of even ones.
@pytest.mark.parametrize("shape", [(8, 24), (24, 40), (64, 48)])
def test_it_agrees_with_the_network_in_every_pixel(model, shape):
    given = channels(shape)
    expected, folded = np.asarray(model(given)), np.asarray(fold(model)(given))
    assert folded.shape == expected.shape
    assert np.abs(folded - expected).max() < 1e-5
    assert expected.std() > 0.05


@pytest.mark.parametrize("shape", [(104, 112), (160, 136)])
def test_without_its_halo_it_says_of_the_rest_what_the_network_says(model, shape):
    given = channels(shape)
    expected = np.asarray(model(given))[:, HALO:-HALO, HALO:-HALO]
    folded = fold(model, HALO)
    found = np.asarray(folded(given))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5
    # What is beside and below each of the three raised maps, and the outputs.
    assert sum(isinstance(layer, layers.Cropping2D) for layer in folded.layers) == 7


def test_it_convolves_no_map_that_was_up_sampled(model):
    folded = fold(model)
    kinds = {type(layer) for layer in folded.layers}
    assert layers.UpSampling2D not in kinds
    assert layers.Concatenate not in kinds
    sizes = [
        each.kernel.shape for each in folded.layers if isinstance(each, layers.Conv2DTranspose)
    ]
    assert [tuple(size) for size in sizes] == [(4, 4, 128, 256), (4, 4, 64, 128), (4, 4, 32, 64)]


def test_it_is_a_copy_that_leaves_the_network_as_it_was(model):
    before = model.get_weights()
    folded = fold(model)
    for weight in folded.weights:
        weight.assign(0 * weight)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_it_computes_in_the_precision_of_the_network(model):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        short = build()
    finally:
        keras.config.set_dtype_policy("float32")
    short.set_weights(model.get_weights())
    folded = fold(short)
    kinds = (layers.Conv2D, layers.Conv2DTranspose, layers.Add, layers.MaxPooling2D)
    computing = [layer for layer in folded.layers if isinstance(layer, kinds)]
    assert {layer.compute_dtype for layer in computing} == {"bfloat16"}
    given = channels((32, 32))
    assert np.asarray(folded(given)).dtype == np.float32
    assert np.abs(np.asarray(folded(given)) - np.asarray(model(given))).mean() < 0.02


def test_it_is_the_same_on_another_backend(model, tmp_path):
    given = channels((24, 40))
    weights = {f"w{i}": weight for i, weight in enumerate(model.get_weights())}
    np.savez(tmp_path / "given.npz", channels=given, **weights)
    command = [sys.executable, "-c", ON_JAX, tmp_path / "given.npz", tmp_path / "result.npy"]
    done = subprocess.run(
        command,
        cwd=CHECKOUT,
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"backend": "jax"}
    assert np.abs(np.load(tmp_path / "result.npy") - np.asarray(model(given))).max() < 1e-4
