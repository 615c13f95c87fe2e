"""What a model learns: preparation of its input, loss and score, in Keras operations alone."""

from typing import Any, Protocol

import keras


class Objective(Protocol):
    """The science's side of the training loop; the same under TensorFlow, JAX or PyTorch."""

    def prepare(self, inputs: Any, bits: Any) -> Any:
        """Turn a stored batch into model input.

        `bits` are int32 random bits, shape (batch,), one per sample: keyed by seed, epoch and
        sample in training, all zero (no augmentation) in evaluation.
        """

    def network(self, model: keras.Model) -> keras.Model:
        """The part of a model, with its variables, whose outputs `losses` and `counts` take."""

    def losses(self, targets: Any, outputs: Any) -> Any:
        """Loss of each sample, float32, shape (batch,)."""

    def counts(self, targets: Any, outputs: Any) -> Any:
        """What the scores are computed from, float32, shape (batch, len(count_names))."""

    count_names: tuple[str, ...]
