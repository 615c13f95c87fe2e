"""Fused pieces of a step: the same numbers as the plain operations, and only on a CPU compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import layers, ops

from workloads.common import fusion
from workloads.common.adam import FusedAdam
from workloads.common.pooling import BiasedMaxPooling2D

# Few values, so that many windows hold their largest one several times.
WITH_TIES = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 3), st.just(6), st.just(4), st.integers(1, 3)),
    elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)


def pooled_with(pool, inputs, upstream):
    """What `pool` makes of inputs, and the gradient that it sends back to them."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = pool(inputs)
        total = tf.reduce_sum(outputs * upstream)
    return outputs.numpy(), tape.gradient(total, inputs).numpy()


@given(WITH_TIES, st.integers(0, 2**16))
def test_pooling_gives_the_values_and_gradients_of_tensorflow_also_where_values_are_equal(
    values, seed
):
    inputs, layer = tf.constant(values), BiasedMaxPooling2D()
    rng = np.random.default_rng(seed)
    upstream = rng.normal(size=(len(values), 3, 2, values.shape[3])).astype("float32")
    ours = pooled_with(lambda each: layer(each, training=True), inputs, upstream)
    theirs = pooled_with(lambda each: tf.nn.max_pool2d(each, 2, 2, "VALID"), inputs, upstream)
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("side", [8, 9])
def test_a_bias_behind_pooling_is_a_bias_before_it_to_the_last_bit(side, training):
    rng = np.random.default_rng(1)
    inputs = tf.constant(rng.normal(size=(5, side, side, 7)).astype("float32"))
    layer = BiasedMaxPooling2D()
    layer.build(inputs.shape)
    bias = rng.normal(size=7).astype("float32")
    layer.bias.assign(bias)
    before = tf.nn.max_pool2d(inputs + bias, 2, 2, "VALID")
    assert np.array_equal(layer(inputs, training=training), before)


def test_the_gradient_of_the_bias_is_the_sum_over_samples_and_positions():
    rng = np.random.default_rng(2)
    inputs = tf.constant(rng.normal(size=(3, 6, 8, 4)).astype("float32"))
    weights = rng.normal(size=(3, 3, 4, 4)).astype("float32")
    layer = BiasedMaxPooling2D()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(inputs, training=True) * weights)
    slope = tape.gradient(total, layer.bias.value)
    assert np.allclose(slope, weights.sum(axis=(0, 1, 2)), rtol=1e-5)


def test_pooling_of_half_precision_stays_in_it():
    layer = BiasedMaxPooling2D(dtype="mixed_bfloat16")
    outputs = layer(tf.ones((1, 4, 4, 2), tf.bfloat16), training=True)
    assert outputs.dtype == tf.bfloat16
    assert layer.bias.dtype == "float32"


@pytest.mark.parametrize("scaled", [False, True])
def test_fused_adam_takes_the_steps_of_keras(scaled):
    rng = np.random.default_rng(3)
    start = rng.normal(size=(40, 3)).astype("float32")
    slopes = rng.normal(size=(20, 40, 3)).astype("float32")
    ended = []
    for kind in (FusedAdam, keras.optimizers.Adam):
        variable = keras.Variable(start)
        optimizer = kind(0.01)
        if scaled:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        for slope in slopes:
            optimizer.build([variable])
            optimizer.apply([slope * optimizer.scale_loss(tf.constant(1.0))], [variable])
        ended.append(ops.convert_to_numpy(variable))
    assert np.abs(ended[0] - start).max() > 0.05
    assert np.allclose(*ended, atol=1e-6)


@pytest.mark.parametrize(("gpus", "compiled"), [([], True), (["GPU:0"], False)])
def test_a_piece_is_compiled_on_a_cpu_and_left_as_it_is_on_a_gpu(monkeypatch, gpus, compiled):
    eager = []

    @fusion.fused
    def double(values):
        eager.append(tf.executing_eagerly())
        return values * 2

    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: gpus)
    assert double(tf.constant([1.0, 2.0])).numpy().tolist() == [2.0, 4.0]
    assert eager == [not compiled]


def test_the_original_network_trains_as_one_of_plain_layers_does():
    keras.utils.set_random_seed(5)
    from workloads.skyline.model import build

    ours = build("original")
    inputs = keras.Input((29, 29, 3))
    plain = layers.Conv2D(20, 6)(inputs)
    plain = layers.MaxPooling2D(2)(plain)
    plain = layers.Conv2D(50, 5)(plain)
    plain = layers.MaxPooling2D(2)(plain)
    plain = layers.Conv2D(500, 4, activation="relu")(plain)
    plain = keras.Model(inputs, layers.Softmax()(layers.Conv2D(2, 1)(plain)))
    plain.set_weights(ours.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (16, 29, 29, 3)).astype("float32")
    slopes = []
    for model in (ours, plain):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(tf.math.log(model(images, training=True)[:, 0, 0, 1] + 1e-3))
        slopes.append(tape.gradient(loss, model.trainable_variables))
    for one, other in zip(*slopes, strict=True):
        assert np.allclose(one, other, rtol=1e-3, atol=1e-4 * np.abs(other).max())


def test_on_a_gpu_pooling_is_left_to_the_library(monkeypatch):
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: ["GPU:0"])
    layer = BiasedMaxPooling2D()
    layer.build((1, 4, 4, 2))
    graph = tf.function(lambda inputs: layer(inputs, training=True))
    operations = graph.get_concrete_function(tf.TensorSpec((1, 4, 4, 2))).graph.get_operations()
    assert "MaxPool" in {operation.type for operation in operations}
