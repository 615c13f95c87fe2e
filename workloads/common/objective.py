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
        """Loss of each sample, float32, shape (batch,): mean over what counts, times its share."""

    def counts(self, targets: Any, outputs: Any) -> Any:
        """What the scores are computed from, float32, shape (batch, len(count_names))."""

    #: Among them "correct" and "counted", whose quotient over a split is the accuracy. A sample
    #: counts 1, or the share of it that can be judged, and the mean loss is over what counts.
    count_names: tuple[str, ...]
