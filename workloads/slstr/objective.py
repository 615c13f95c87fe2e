"""What the cloud mask learns: the Bayesian mask of each pixel, the borders of patches left out."""

from typing import Any

import keras
import numpy as np
from keras import ops

from workloads.slstr.model import SCORES
from workloads.slstr.product import CHANNELS, SOLAR_CHANNELS, UNFILLED
from workloads.slstr.scene_hdf import FLOAT16_TEMPERATURE_OFFSET

#: At the border of a patch the network sees too little of a pixel's surroundings.
BORDER = 15
#: Of cloudy pixels in the loss; clear ones have the rest of 1.
CLOUD_WEIGHT = 0.5


class CloudMasking:
    """Weighted cross-entropy of the pixels of a patch that are filled and not at its border."""

    count_names: tuple[str, ...] = ("correct", "counted")

    def __init__(self, packing: str) -> None:
        offset = FLOAT16_TEMPERATURE_OFFSET if packing == "float16" else 0.0
        self._offsets = np.zeros(CHANNELS, np.float32)
        self._offsets[len(SOLAR_CHANNELS) :] = offset

    def prepare(self, inputs: Any, bits: Any) -> Any:  # noqa: ARG002
        """Packed channels (batch, side, side, 9) in their units; there is no augmentation."""
        channels = ops.cast(inputs, "float32")
        return channels + self._offsets if self._offsets.any() else channels

    def network(self, model: keras.Model) -> keras.Model:
        """The network without its sigmoid, which would round what is sure to 0 and 1."""
        return keras.Model(model.inputs, model.get_layer(SCORES).output, name=model.name)

    def losses(self, targets: Any, outputs: Any) -> Any:
        """Of each patch, the sum over judged pixels, over the number of those within the border.

        A pixel's loss is -w log p where it is cloud, -(1 - w) log (1 - p) where it is clear.
        """
        scores, is_cloud, is_judged = _inner(targets, outputs)
        losses = ops.where(
            is_cloud,
            CLOUD_WEIGHT * ops.softplus(-scores),
            (1.0 - CLOUD_WEIGHT) * ops.softplus(scores),
        )
        return ops.mean(ops.where(is_judged, losses, 0.0), axis=(1, 2))

    def counts(self, targets: Any, outputs: Any) -> Any:
        """Shares of a patch's pixels within the border: judged rightly, and judged."""
        scores, is_cloud, is_judged = _inner(targets, outputs)
        is_right = ops.logical_and(is_judged, ops.equal(scores >= 0, is_cloud))
        pixels = ops.stack([is_right, is_judged], axis=-1)
        return ops.mean(ops.cast(pixels, "float32"), axis=(1, 2))


def _inner(targets: Any, outputs: Any) -> tuple[Any, Any, Any]:
    """Within the border: scores, which pixels are cloud, and which are filled."""
    inner = slice(BORDER, -BORDER)
    masks = targets[:, inner, inner]
    return outputs[:, inner, inner, 0], ops.equal(masks, 1), ops.not_equal(masks, UNFILLED)
