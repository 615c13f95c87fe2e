"""PeakLens training as it was published: JPEG files through tf.data, plain Keras layers, `fit`.

Each file is read, decoded and flipped at random by as many parallel calls as there are processors,
and the whole split goes through a shuffle buffer behind that, which is filled before the first
batch of an epoch. Pixels reach the network as bytes, not scaled. Batches of 256, Adam at 1e-4.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from workloads.skyline.layout import PATCH_SIZE, list_patches

BATCH = 256
RATE = 1e-4
SHAPE = (PATCH_SIZE, PATCH_SIZE, 3)


def pipeline(root: Path, split: str) -> tf.data.Dataset:
    """One epoch of a split in batches of uint8 patches and labels."""
    patches = list_patches(root, split)
    paths = [str(root / patch.name) for patch in patches]
    labels = [patch.label for patch in patches]
    return (
        tf.data.Dataset.from_tensor_slices((paths, labels))
        .map(_load, num_parallel_calls=os.cpu_count())
        .shuffle(len(patches))
        .batch(BATCH, drop_remainder=True)
        .prefetch(2)
    )


def _load(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image = tf.image.decode_jpeg(tf.io.read_file(path))
    return tf.image.random_flip_left_right(tf.ensure_shape(image, SHAPE)), label


def network() -> keras.Model:
    """The original network, compiled."""
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(20, 6),
            layers.MaxPooling2D(2),
            layers.Conv2D(50, 5),
            layers.MaxPooling2D(2),
            layers.Conv2D(500, 4),
            layers.ReLU(),
            layers.Conv2D(2, 1),
            layers.Reshape((2,)),
            layers.Softmax(),
        ]
    )
    model.compile(
        keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def epoch(model: keras.Model, batches: tf.data.Dataset) -> Callable[[], None]:
    """Train for one epoch."""
    return lambda: model.fit(batches, epochs=1, shuffle=False, verbose=0)


def input_alone(batches: tf.data.Dataset) -> Callable[[], None]:
    """Read one epoch and do nothing with it."""

    def drain() -> None:
        for _ in batches:
            pass

    return drain


def compute_alone(model: keras.Model, steps: int) -> Callable[[], None]:
    """Train `steps` times on one batch that lies in memory."""
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (BATCH, *SHAPE), dtype=np.uint8))
    labels = tf.constant(rng.integers(0, 2, BATCH))

    def repeat() -> None:
        for _ in range(steps):
            model.train_on_batch(images, labels)

    return repeat


class BatchTimes(keras.callbacks.Callback):
    """When each batch of `fit` ended, by `time.perf_counter`."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[float] = []

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Note the time."""
        self.ends.append(time.perf_counter())
