"""What the skyline networks learn: is this patch centred on the skyline?"""

from typing import Any

from keras import ops

POSITIVE = 1
PROBABILITY_FLOOR = 1e-7


class PatchClassification:
    """Cross-entropy of a patch's two classes, with random left-right flips in training."""

    count_names: tuple[str, ...] = ("correct", "true_positive", "predicted_positive", "positive")

    def prepare(self, inputs: Any, bits: Any) -> Any:
        """uint8 patches (batch, 29, 29, 3) to float 0..1; odd bits flip a patch left to right."""
        flip = ops.equal(ops.bitwise_and(bits, 1), 1)[:, None, None, None]
        images = ops.where(flip, ops.flip(inputs, axis=2), inputs)
        return ops.cast(images, "float32") / 255.0

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
