"""Training as the suite does it, pass by pass and with the loop's own pauses."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks._skyline.published import BATCH
from workloads.common.construction import make_adam, make_model
from workloads.common.data_order import Share
from workloads.common.devices import Devices
from workloads.common.evaluation import evaluate
from workloads.common.inputs import Batch, Feed, Plan, training_plan
from workloads.common.limits import Limits
from workloads.common.progress import no_progress
from workloads.common.records import Recorder
from workloads.common.steps import Call, Stepper
from workloads.common.training import Training
from workloads.skyline.feeds import PackedSource, Source
from workloads.skyline.model import LEARNING_RATES, build
from workloads.skyline.objective import PatchClassification

STEPS_PER_CALL = 32
# A call's time is that of its steps: of few, so that a pause shows.
STEPS_BETWEEN_TIMES = 4


@dataclass
class Run:
    """One training in progress on the training split of packed shards."""

    devices: Devices
    packed: Path
    seed: int = 1
    precision: str = "float32"
    epochs: int = 0
    stepper: Stepper = field(init=False)
    feed: Feed = field(init=False)
    call: Call = field(init=False)

    def __post_init__(self) -> None:
        self.stepper = make_stepper(self.devices, self.seed, self.precision, STEPS_PER_CALL)
        self.feed = PackedSource(self.packed, self.seed).feed(self.devices, "training")
        self.call = self.stepper.trainer(self.feed)

    def epoch(self) -> None:
        """Train for one more epoch."""
        plans = [training_plan(share, BATCH, self.epochs) for share in self.feed.shares]
        for arguments, steps in self.feed.begin(plans, STEPS_PER_CALL):
            self.call(arguments, steps)
        self.epochs += 1

    def weights(self) -> list[NDArray[np.float32]]:
        """The trained weights, kernels and biases in turn."""
        return [np.asarray(each) for each in self.stepper.model.variables]


def make_stepper(
    devices: Devices, seed: int, precision: str = "float32", steps_per_call: int = STEPS_PER_CALL
) -> Stepper:
    """Steps of the original network as the stage `train` makes them."""
    model = make_model(devices, lambda: build("original"), seed, precision)
    adam = make_adam(devices, LEARNING_RATES["original"], precision)
    return Stepper(devices, model, adam, PatchClassification(), BATCH, steps_per_call)


def accuracy_of(devices: Devices, packed: Path) -> Callable[[list[NDArray[np.float32]]], float]:
    """A function from trained weights to the accuracy on the whole testing split."""
    stepper = make_stepper(devices, seed=1)
    feed = PackedSource(packed, seed=1).feed(devices, "testing")
    call = stepper.evaluator(feed)

    def score(weights: list[NDArray[np.float32]]) -> float:
        for variable, values in zip(stepper.model.variables, weights, strict=True):
            variable.assign(values)
        return evaluate(stepper, call, feed, no_progress).accuracy

    return score


def longest_pause(devices: Devices, source: Source, output: Path, epochs: int = 3) -> float:
    """The longest pause of training on `source` behind the first epoch, as a share of an epoch.

    The real loop, with its checkpoints; the time of validation is taken out. A pause is what an
    interval between the ends of calls has beyond the median one.
    """
    training = source.feed(devices, "training")
    validation = TimedFeed(source.feed(devices, "validation"))
    stepper = make_stepper(devices, 1, steps_per_call=STEPS_BETWEEN_TIMES)
    ends: list[float] = []

    def note(_steps: int) -> None:
        ends.append(time.perf_counter() - validation.seconds)

    limits = Limits(epochs=epochs, patience=epochs, warmup_steps=0)
    recorder = Recorder("train", None, reports=False)
    Training(stepper, training, validation, limits, recorder, output, {}, note).run()
    calls = len(ends) // epochs
    return excess(ends[calls:]) / (np.diff(ends[calls:]).sum() / (epochs - 1))


@dataclass
class TimedFeed:
    """A feed that knows how long all passes over it have taken together, in seconds."""

    feed: Feed
    seconds: float = 0.0

    @property
    def shares(self) -> list[Share]:
        """Those of the feed."""
        return self.feed.shares

    def begin(self, plans: list[Plan], steps_per_call: int) -> Iterator[tuple[Any, int]]:
        """Hand out the feed's calls; the time of each, while it is used, counts."""
        started = time.perf_counter()
        yield from self.feed.begin(plans, steps_per_call)
        self.seconds += time.perf_counter() - started

    def select(self, arguments: Any, step: Any) -> Batch:
        """As the feed does."""
        return self.feed.select(arguments, step)


def excess(ends: list[float]) -> float:
    """What the longest interval between times has beyond the median one, in seconds."""
    intervals = np.diff(ends)
    return float(intervals.max() - np.median(intervals))
