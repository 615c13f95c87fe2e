"""The models: the published parameter counts, fully convolutional, the same on any backend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from workloads.skyline.convolution import CoveringConv2D
from workloads.skyline.model import LEARNING_RATES, MODEL_NAMES, build
from workloads.skyline.objective import PatchClassification

CHECKOUT = Path(__file__).parents[2]

PROGRAM = """
import json, sys
import keras, numpy as np
from workloads.skyline.convolution import CoveringConv2D
from workloads.skyline.model import build
from workloads.skyline.objective import PatchClassification
name, given, result = sys.argv[1:]
arrays = np.load(given)
model = build(name)
for variable, value in zip(model.variables, (arrays[f"w{i}"] for i in range(len(model.variables)))):
    variable.assign(value)
task = PatchClassification()
prepared = task.prepare(arrays["patches"], arrays["bits"])
network = task.network(model)
outputs = network(prepared)
def loss(trained, fixed):
    return task.losses(arrays["labels"], network.stateless_call(trained, fixed, prepared)[0]).sum()
import jax
trained = [each.value for each in model.trainable_variables]
slopes = jax.grad(loss)(trained, [each.value for each in model.non_trainable_variables])
losses, counts = task.losses(arrays["labels"], outputs), task.counts(arrays["labels"], outputs)
results = {"outputs": outputs, "losses": losses, "counts": counts, "slope": slopes[0]}
np.savez(result, **{name: np.asarray(value) for name, value in results.items()})
print(json.dumps({"backend": keras.backend.backend()}))
"""


@pytest.mark.parametrize(("name", "parameters"), [("original", 428_732), ("optimised", 20_578)])
def test_parameters_are_those_published(name, parameters):
    assert build(name).count_params() == parameters


def test_shapes_of_the_original_are_those_of_the_published_weights():
    kernels = [tuple(each.shape) for each in build("original").weights if len(each.shape) == 4]
    assert kernels == [(6, 6, 3, 20), (5, 5, 20, 50), (4, 4, 50, 500), (1, 1, 500, 2)]


def test_a_photograph_gives_a_map_and_a_patch_one_position():
    assert build("original")(np.zeros((1, 240, 320, 3), "float32")).shape == (1, 53, 73, 2)
    for name in MODEL_NAMES:
        assert build(name)(np.zeros((1, 29, 29, 3), "float32")).shape == (1, 1, 1, 2)
    assert LEARNING_RATES == {"original": 1e-4, "optimised": 1e-3}


def test_a_covering_convolution_is_a_convolution_and_keeps_its_gradient():
    import tensorflow as tf

    rng = np.random.default_rng(0)
    covering = CoveringConv2D(7, 4, activation="relu")
    for side in (4, 6):
        images = tf.constant(rng.normal(size=(3, side, side, 5)).astype("float32"))
        with tf.GradientTape(persistent=True) as tape:
            ours = covering(images)
            plain = tf.nn.relu(tf.nn.conv2d(images, covering.kernel, 1, "VALID") + covering.bias)
        assert np.allclose(ours, plain, atol=1e-5)
        slopes = [tape.gradient(each, covering.kernel.value) for each in (ours, plain)]
        assert np.allclose(*slopes, atol=1e-4)


def test_another_model_is_refused():
    with pytest.raises(ValueError, match="choose one of original, optimised"):
        build("resnet")


def test_odd_bits_flip_left_to_right_and_even_bits_do_not():
    patches = np.random.default_rng(0).integers(0, 256, (4, 29, 29, 3), dtype=np.uint8)
    prepared = np.asarray(PatchClassification().prepare(patches, np.array([0, 1, 2, 3], "int32")))
    assert np.array_equal(prepared[[0, 2]], patches[[0, 2]])
    assert np.array_equal(prepared[[1, 3]], patches[[1, 3], :, ::-1])


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_every_model_runs_and_learns_the_same_under_jax(name, tmp_path):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(3)
    model, task = build(name), PatchClassification()
    patches = rng.integers(0, 256, (6, 29, 29, 3), dtype=np.uint8)
    labels, bits = np.array([0, 1, 1, 0, 1, 0], np.uint8), np.arange(6, dtype=np.int32)
    weights = {f"w{i}": np.asarray(each) for i, each in enumerate(model.variables)}
    np.savez(tmp_path / "in.npz", patches=patches, labels=labels, bits=bits, **weights)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, str(tmp_path / "in.npz"), str(tmp_path / "out.npz")],
        env=os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["backend"] == "jax"
    theirs = np.load(tmp_path / "out.npz")
    with tf.GradientTape() as tape:
        outputs = task.network(model)(task.prepare(patches, bits))
        losses = task.losses(labels, outputs)
        total = tf.reduce_sum(losses)
    slope = tape.gradient(total, model.trainable_variables)[0]
    assert np.allclose(theirs["outputs"], outputs, rtol=1e-3, atol=1e-3)
    assert np.allclose(theirs["losses"], losses, rtol=1e-3, atol=1e-4)
    assert np.allclose(theirs["slope"], slope, rtol=1e-3, atol=1e-3 * np.abs(slope).max())
    assert np.array_equal(theirs["counts"], task.counts(labels, outputs))


def test_a_network_that_is_sure_of_the_wrong_class_still_learns():
    import tensorflow as tf

    scores = tf.constant([[[[200.0, 0.0]]], [[[0.0, 200.0]]]])
    with tf.GradientTape() as tape:
        tape.watch(scores)
        losses = PatchClassification().losses(np.array([1, 1]), scores)
    assert np.allclose(losses, [200.0, 0.0])
    assert np.allclose(tape.gradient(losses, scores)[:, 0, 0], [[1.0, -1.0], [0.0, 0.0]])


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_what_is_trained_is_the_network_before_its_softmax(name):
    model, images = build(name), np.zeros((2, 29, 29, 3), "float32")
    scores = PatchClassification().network(model)(images)
    assert np.allclose(model(images), keras.ops.softmax(scores), atol=1e-6)
