"""What the published training and inference share: reading a converted scene, and the network.

Channels are normalised by one mean and one deviation for all that are of a kind, of the scene at
hand. Any Bayesian flag is cloud. Everything is read and computed in 64 bits before TensorFlow gets
it in 32.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

SIDE = 256
CHANNELS = 9


def network() -> keras.Model:
    """The U-Net in 32 bits, from normalised channels to the probability of cloud."""
    keras.config.set_dtype_policy("float32")
    inputs = keras.Input((None, None, CHANNELS))
    features, skips = inputs, []
    for filters in (32, 64, 128):
        features = _convolve_twice(features, filters)
        skips.append(features)
        features = layers.MaxPooling2D(2)(features)
    features = _convolve_twice(features, 256)
    for filters, skip in zip((128, 64, 32), reversed(skips), strict=True):
        features = layers.concatenate([layers.UpSampling2D(2)(features), skip])
        features = _convolve_twice(features, filters)
    return keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(features))


def _convolve_twice(features: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    for _ in range(2):
        features = layers.Conv2D(
            filters, 3, activation="relu", padding="same", kernel_initializer="he_normal"
        )(features)
    return features


def scenes_of(paths: tf.data.Dataset, shape: tuple[int, int]) -> tf.data.Dataset:
    """Normalised channels (rows, columns, 9) and mask (rows, columns, 1) of scenes, two at a time.

    `paths` are scalar strings.
    """
    types = (
        tf.TensorSpec((*shape, CHANNELS), tf.float32),
        tf.TensorSpec((*shape, 1), tf.float32),
    )
    return paths.interleave(
        lambda path: tf.data.Dataset.from_generator(
            _generate, output_signature=types, args=(path,)
        ),
        cycle_length=2,
        num_parallel_calls=2,
    )


def _generate(path: bytes) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    with h5py.File(path.decode(), "r") as file:
        reflectances, temperatures = file["refs"][:], file["bts"][:]
        flags = file["bayes"][:]
    temperatures = (temperatures - temperatures.mean()) / temperatures.std()
    reflectances = (reflectances - reflectances.mean()) / reflectances.std()
    channels = np.concatenate([reflectances, temperatures], axis=-1)
    flags[flags > 0] = 1
    yield channels, flags.astype(float)


def cut(image: Any, step: int, padding: str) -> Any:
    """Patches of SIDE pixels, `step` apart: (rows, columns, SIDE, SIDE, channels)."""
    size, steps = [1, SIDE, SIDE, 1], [1, step, step, 1]
    patches = tf.image.extract_patches(image[None], size, steps, [1, 1, 1, 1], padding)
    return tf.reshape(patches, (*patches.shape[1:3], SIDE, SIDE, image.shape[-1]))


def shape_of(path: Path) -> tuple[int, int]:
    """Rows and columns of a converted scene."""
    with h5py.File(path, "r") as file:
        return file["bts"].shape[:2]
