"""What the skyline networks learn: is this patch centred on the skyline?"""

from typing import Any

import keras
from keras import ops

from workloads.common.fusion import fused
from workloads.skyline.model import SCORES

POSITIVE = 1


class PatchClassification:
    """Cross-entropy of a patch's two classes, with random left-right flips in training."""

    count_names: tuple[str, ...] = (
        *("correct", "counted"),
        *("true_positive", "predicted_positive", "positive"),
    )

    def prepare(self, inputs: Any, bits: Any) -> Any:
        """uint8 patches (batch, 29, 29, 3) to float 0..255; odd bits flip left to right."""
        return _prepare(inputs, bits)

    def network(self, model: keras.Model) -> keras.Model:
        """The network without its softmax: of pixels as they are, an untrained one is so sure of
        itself that float32 rounds the other probability to 0, from which nothing is learnt."""
        return keras.Model(model.inputs, model.get_layer(SCORES).output, name=model.name)

    def losses(self, targets: Any, outputs: Any) -> Any:
        """Cross-entropy of each patch; `outputs` are scores, shape (batch, 1, 1, 2)."""
        scores = outputs[:, 0, 0, :]
        chosen = ops.one_hot(ops.cast(targets, "int32"), 2, dtype="float32")
        return ops.logsumexp(scores, axis=-1) - ops.sum(chosen * scores, axis=-1)

    def counts(self, targets: Any, outputs: Any) -> Any:
        """For each patch, 0 or 1: correct, counted, true, predicted positive, and positive."""
        truth = ops.equal(ops.cast(targets, "int32"), POSITIVE)
        predicted = outputs[:, 0, 0, 1] > outputs[:, 0, 0, 0]
        rows = (
            ops.equal(truth, predicted),
            ops.ones_like(truth),
            ops.logical_and(truth, predicted),
            predicted,
            truth,
        )
        return ops.stack([ops.cast(row, "float32") for row in rows], axis=-1)


@fused
def _prepare(inputs: Any, bits: Any) -> Any:
    flip = ops.equal(ops.bitwise_and(bits, 1), 1)[:, None, None, None]
    images = ops.where(flip, ops.flip(inputs, axis=2), inputs)
    return ops.cast(images, "float32")
