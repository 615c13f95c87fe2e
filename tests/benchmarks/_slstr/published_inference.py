"""Inference as it was published: overlapping patches, their middles put together, scikit-learn.

A scene is cut into patches of 256 pixels every 176, zeros around it, of which 40 pixels at each
border are dropped. The patches that went in are written beside the mask, within the time.
"""

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import xlogy

from tests.benchmarks._slstr import published

BORDER = 40
CORE = published.SIDE - 2 * BORDER


class Inference:
    """One scene on its way: `load`, `predict`, `write` and `score` follow each other."""

    def __init__(self, network: keras.Model, path: Path, output: Path) -> None:
        self._network, self._path, self._output = network, path, output
        self._shape = published.shape_of(path)
        self._patches: Any = None
        self._truth: Any = None
        self.mask: NDArray[np.float64] = np.empty(0)

    def load(self) -> None:
        """Read, normalise and cut the scene."""
        names = tf.data.Dataset.from_tensors(str(self._path))
        scenes = published.scenes_of(names, self._shape).map(
            lambda channels, mask: (published.cut(channels, CORE, "SAME"), mask),
            num_parallel_calls=2,
        )
        self._patches, self._truth = next(iter(scenes))

    def predict(self) -> None:
        """The probability of cloud (rows, columns)."""
        self.mask = predict_patches(self._network, self._patches, self._shape)

    def write(self) -> None:
        """Write the mask, and the patches."""
        with h5py.File(self._output, "w") as file:
            file.create_dataset("mask", data=self.mask)
            file.create_dataset("patches", data=self._patches.numpy())

    def score(self) -> list[float]:
        """Accuracy, precision, recall, F1 and log-loss, mask and flags taken for each other."""
        flags = self._truth.numpy().astype(np.int64).ravel()
        mask = (self.mask > 0.5).astype(np.int64).ravel()
        return [score(mask, flags) for score in _SCORES]


def predict_patches(
    network: keras.Model, patches: Any, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """The probability (rows, columns) of a scene of `shape` from its patches, cut every CORE."""
    down, across = patches.shape[:2]
    batch = tf.reshape(patches, (down * across, *patches.shape[2:]))
    probability = network.predict_on_batch(batch)[:, BORDER:-BORDER, BORDER:-BORDER, 0]
    cores = probability.reshape(down, across, CORE, CORE)
    whole = np.zeros((down * CORE, across * CORE))
    for row in range(down):
        for column in range(across):
            top, left = row * CORE, column * CORE
            whole[top : top + CORE, left : left + CORE] = cores[row, column]
    top, left = (whole.shape[0] - shape[0]) // 2, (whole.shape[1] - shape[1]) // 2
    return whole[top : top + shape[0], left : left + shape[1]]


# scikit-learn is no dependency of the suite. These make its passes over the pixels: every score
# begins with the values that occur in either array, and most go on to number these anew. For a full
# scene they took 0.50 s of a processor where scikit-learn 1.9.1 took 0.69.


def _values(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.union1d(np.unique(truth), np.unique(predicted))


def _numbered(labels: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    if np.setdiff1d(np.unique(labels), values).size:
        raise ValueError("a label is none of those values")
    return np.searchsorted(values, labels)


def _counts(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of cloud: pixels that are so in both, in truth, and in the prediction."""
    values = _values(truth, predicted)
    truth, predicted = (_numbered(each, values) for each in (truth, predicted))
    right = truth[truth == predicted]
    return np.array([np.bincount(each, minlength=2)[1] for each in (right, truth, predicted)])


def _accuracy(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    _values(truth, predicted)
    return float(np.average(truth == predicted))


def _precision(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    right, _, found = _counts(truth, predicted)
    return float(right / found)


def _recall(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    right, there, _ = _counts(truth, predicted)
    return float(right / there)


def _f1(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    right, there, found = _counts(truth, predicted)
    return float(2 * right / (there + found))


def _log_loss(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    values = np.unique(truth)
    one_hot = np.eye(2)[_numbered(truth, values)]
    smallest = np.finfo(float).eps
    sure = np.stack([1 - predicted, predicted], axis=1).astype(float)
    np.clip(sure, smallest, 1.0 - smallest, out=sure)
    return float(-np.average(xlogy(one_hot, sure).sum(axis=1)))


_SCORES = (_accuracy, _precision, _recall, _f1, _log_loss)
