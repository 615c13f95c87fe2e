"""What the skyline networks learn: is this patch centred on the skyline?"""

from typing import Any

from keras import ops

from workloads.common.fusion import fused

POSITIVE = 1
# Of raw pixels, an untrained network is sure of itself: a floor that such a probability meets, as
# the usual 1e-7, has no gradient, and the network never learns.
PROBABILITY_FLOOR = 1e-37


class PatchClassification:
    """Cross-entropy of a patch's two classes, with random left-right flips in training."""

    count_names: tuple[str, ...] = ("correct", "true_positive", "predicted_positive", "positive")

    def prepare(self, inputs: Any, bits: Any) -> Any:
        """uint8 patches (batch, 29, 29, 3) to float 0..255; odd bits flip left to right."""
        return _prepare(inputs, bits)

    def losses(self, targets: Any, outputs: Any) -> Any:
        """Cross-entropy of each patch; `outputs` are probabilities, shape (batch, 1, 1, 2)."""
        probabilities = ops.clip(outputs[:, 0, 0, :], PROBABILITY_FLOOR, 1.0)
        chosen = ops.one_hot(ops.cast(targets, "int32"), 2, dtype="float32")
        return -ops.sum(chosen * ops.log(probabilities), axis=-1)

    def counts(self, targets: Any, outputs: Any) -> Any:
        """For each patch: correct, true positive, predicted positive, positive (0 or 1 each)."""
        truth = ops.equal(ops.cast(targets, "int32"), POSITIVE)
        predicted = outputs[:, 0, 0, 1] > outputs[:, 0, 0, 0]
        rows = (
            ops.equal(truth, predicted),
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
