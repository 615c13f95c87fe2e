"""Training as it was published: a generator of scenes, cut in tf.data, kept there, and a loop.

The scene's middle is cut into patches, which are kept in memory in the first epoch and pass a
shuffle buffer of one batch. Every batch is a step of Adam on plain cross-entropy, whose running
mean is read after each.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tests.benchmarks._slstr import published

BATCH = 8
RATE = 1e-3


def pipeline(paths: Sequence[Path]) -> tf.data.Dataset:
    """Batches of patches and masks; the first pass over them fills their cache."""
    shape = published.shape_of(paths[0])
    names = tf.data.Dataset.from_tensor_slices([str(path) for path in paths]).shuffle(len(paths))
    patches = published.scenes_of(names, shape).map(
        lambda channels, mask: (_patches(channels), _patches(mask)), num_parallel_calls=2
    )
    kept = patches.unbatch().cache().prefetch(BATCH)
    return kept.shuffle(BATCH).batch(BATCH, drop_remainder=True)


def _patches(image: Any) -> Any:
    """Whole patches of the middle of a scene, (patches, side, side, channels)."""
    side, (rows, columns, channels) = published.SIDE, image.shape
    top, left = (rows % side) // 2, (columns % side) // 2
    middle = tf.image.crop_to_bounding_box(image, top, left, rows - 2 * top, columns - 2 * left)
    return tf.reshape(published.cut(middle, side, "VALID"), (-1, side, side, channels))


class Loop:
    """The published loop over a network of its own."""

    def __init__(self) -> None:
        self.model = published.network()
        self._optimizer = keras.optimizers.Adam(RATE)
        self._optimizer.build(self.model.trainable_variables)
        self._loss, self._accuracy = keras.metrics.Mean(), keras.metrics.BinaryAccuracy()
        self._step = tf.function(self._learn)

    def epoch(self, batches: tf.data.Dataset) -> int:
        """Train on every batch once; the number of patches."""
        patches = 0
        for images, masks in batches:
            self._accuracy.update_state(masks, self._step(images, masks))
            float(self._loss.result())
            patches += images.shape[0]
        return patches

    def compute_alone(self, steps: int) -> Callable[[], None]:
        """The work of so many steps on one batch that lies in memory."""
        shape = (BATCH, published.SIDE, published.SIDE)
        images = tf.random.normal((*shape, published.CHANNELS))
        masks = tf.cast(tf.random.uniform((*shape, 1)) < 0.5, tf.float32)

        def repeat() -> None:
            for _ in range(steps):
                predicted = self._step(images, masks)
            predicted.numpy()

        return repeat

    def _learn(self, images: Any, masks: Any) -> Any:
        with tf.GradientTape() as tape:
            predicted = self.model(images, training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(masks, predicted))
        gradients = tape.gradient(loss, self.model.trainable_variables)
        self._optimizer.apply_gradients(zip(gradients, self.model.trainable_variables, strict=True))
        self._loss.update_state(loss)
        return predicted
