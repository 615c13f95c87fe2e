"""Test accuracy after the same number of epochs, the published way and the suite's."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from tests.benchmarks._skyline import published
from tests.benchmarks._skyline.suite import Run, accuracy_of
from workloads.common.devices import Devices
from workloads.common.progress import Advance

EPOCHS = 4


@dataclass(frozen=True)
class Accuracies:
    """Shares of the test patches that were classified rightly, one for each seed."""

    published: list[float]
    suite: list[float]

    @property
    def difference(self) -> float:
        """The suite's mean less the published way's, in percentage points."""
        return 100.0 * float(np.mean(self.suite) - np.mean(self.published))


def compare(
    devices: Devices, root: Path, packed: Path, seeds: int, precision: str, advance: Advance
) -> Accuracies:
    """Train both ways with each seed, and score both networks by the same code."""
    score = accuracy_of(devices, packed)
    found = Accuracies([], [])
    for seed in range(1, seeds + 1):
        keras.config.set_dtype_policy("float32")
        keras.utils.set_random_seed(seed)
        model = published.network()
        model.fit(published.pipeline(root, "training"), epochs=EPOCHS, shuffle=False, verbose=0)
        found.published.append(score(model.get_weights()))
        run = Run(devices, packed, seed, precision)
        for _ in range(EPOCHS):
            run.epoch()
        found.suite.append(score(run.weights()))
        advance(1)
    return found
