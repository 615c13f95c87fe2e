"""The published U-Net, fully convolutional, in Keras 3 on any backend.

It sees the nine channels of a pixel and its surroundings, and says how probable cloud is there.
Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation"
(MICCAI 2015), with a quarter of its filters and borders kept by zeros.
"""

import keras
from keras import layers

from workloads.slstr.normalisation import ChannelNormalisation
from workloads.slstr.product import CHANNELS

NAME = "unet"
#: Three poolings: height and width must be multiples of it.
STRIDE = 8
#: The layer in front of the sigmoid.
SCORES = "score"
NORMALISATION = "normalisation"
LEARNING_RATE = 1e-3
_FILTERS = (32, 64, 128)
_BOTTLENECK = 256


def build() -> keras.Model:
    """Build the network, 1,948,609 weights to train; they follow `keras.utils.set_random_seed`.

    Input: channels, float32 (batch, height, width, 9), reflectances S1 to S6 before brightness
    temperatures S7 to S9 in kelvin, NaN where there is none; height and width multiples of STRIDE.
    Output: the probability of cloud, float32 (batch, height, width, 1). The layer NORMALISATION
    must be given the moments of the training set.
    """
    inputs = keras.Input((None, None, CHANNELS), name="channels")
    # Hundreds of kelvin have steps of one or two in the short formats.
    features = ChannelNormalisation(dtype="float32", name=NORMALISATION)(inputs)
    skips = []
    for filters in _FILTERS:
        features = _two_convolutions(features, filters)
        skips.append(features)
        features = layers.MaxPooling2D()(features)
    features = _two_convolutions(features, _BOTTLENECK)
    for filters, skip in zip(reversed(_FILTERS), reversed(skips), strict=True):
        features = layers.UpSampling2D()(features)
        features = layers.Concatenate()([features, skip])
        features = _two_convolutions(features, filters)
    scores = layers.Conv2D(1, 1)(features)
    # In mixed precision the probabilities, and the loss, are still computed in float32.
    scores = layers.Activation("linear", dtype="float32", name=SCORES)(scores)
    outputs = layers.Activation("sigmoid", dtype="float32", name="probability")(scores)
    return keras.Model(inputs, outputs, name=NAME)


def _two_convolutions(features: keras.KerasTensor, filters: int) -> keras.KerasTensor:
    for _ in range(2):
        features = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"
        )(features)
    return features
