"""Operations of a model: by hand, and against what TensorFlow counts in the graph it runs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from workloads.common.flops import forward_flops, training_flops
from workloads.skyline.model import MODEL_NAMES, build

PATCH = (29, 29, 3)


def model_of(shape, *stack):
    inputs = outputs = keras.Input(shape)
    for layer in stack:
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


@pytest.mark.parametrize(
    ("shape", "layer", "multiply_adds"),
    [
        ((7,), layers.Dense(5), 7 * 5),
        ((4, 7), layers.Dense(5), 4 * 7 * 5),
        ((9, 8, 3), layers.Conv2D(6, (3, 2)), (7 * 7 * 6) * (3 * 2 * 3)),
        ((9, 9, 3), layers.Conv2D(6, 3, padding="same"), (9 * 9 * 6) * (3 * 3 * 3)),
        ((9, 9, 3), layers.Conv2D(6, 3, strides=2), (4 * 4 * 6) * (3 * 3 * 3)),
        ((9, 9, 3), layers.Conv2D(6, 3, dilation_rate=2), (5 * 5 * 6) * (3 * 3 * 3)),
        ((9, 9, 4), layers.Conv2D(6, 3, groups=2), (7 * 7 * 6) * (3 * 3 * 2)),
        (
            (9, 9, 4),
            layers.SeparableConv2D(6, 3, depth_multiplier=2),
            (7 * 7) * (3 * 3 * 4 * 2 + 4 * 2 * 6),
        ),
        ((9, 9, 4), layers.MaxPooling2D(2), 0),
        ((9, 9, 4), layers.Activation("relu"), 0),
    ],
)
def test_a_layer_counts_two_operations_for_each_multiply_add(shape, layer, multiply_adds):
    assert forward_flops(model_of(shape, layer), shape) == 2 * multiply_adds


def test_the_published_networks_count_as_by_hand():
    original = 24 * 24 * 20 * (6 * 6 * 3) + 8 * 8 * 50 * (5 * 5 * 20) + 500 * (4 * 4 * 50) + 2 * 500
    optimised = (
        27 * 27 * 32 * (3 * 3 * 3)
        + 13 * 13 * (3 * 3 * 32 + 32 * 32)
        + 11 * 11 * (3 * 3 * 32 + 32 * 64)
        + 5 * 5 * (3 * 3 * 64 + 64 * 64)
        + 3 * 3 * (3 * 3 * 64 + 64 * 128)
        + 2 * (3 * 3 * 128)
    )
    assert forward_flops(build("original"), PATCH) == 2 * original == 6_490_320
    assert forward_flops(build("optimised"), PATCH) == 2 * optimised == 2_664_512
    assert training_flops(build("original"), PATCH) == 3 * 6_490_320


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_tensorflow_counts_the_same_in_the_graph_that_it_runs(name):
    model = build(name)
    function = tf.function(lambda images: model(images, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec([1, *PATCH]))
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    profile = profiler.profile(
        convert_variables_to_constants_v2(concrete).graph,
        cmd="op",
        options=options.with_empty_output().build(),
    )
    counts = {each.name: each.float_ops for each in profile.children}
    # It counts biases and the softmax as well, in operations of their own.
    products = _flatten(profile)
    assert sum(products.values()) == forward_flops(model, PATCH), counts


def _flatten(node):
    """Operations of each kind of product in an operation profile, which nests one in the next."""
    found = {}
    while node is not None:
        if node.name in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            found[node.name] = node.float_ops
        node = node.children[0] if node.children else None
    return found


def test_a_photograph_takes_more_than_a_patch():
    model = build("original")
    assert forward_flops(model, (240, 320, 3)) > 100 * forward_flops(model, PATCH)


def test_counting_leaves_the_model_as_it_was():
    model = build("optimised")
    before = [np.array(each) for each in model.variables]
    state = np.random.default_rng(0)
    images = state.random((2, *PATCH)).astype("float32")
    expected = np.array(model(images))
    forward_flops(model, PATCH)
    assert all(np.array_equal(*pair) for pair in zip(before, model.variables, strict=True))
    assert np.array_equal(model(images), expected)


def test_a_layer_that_no_count_is_known_for_is_refused():
    with pytest.raises(TypeError, match="LSTM"):
        forward_flops(model_of((5, 3), layers.LSTM(4)), (5, 3))
