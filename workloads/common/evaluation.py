"""One pass over a split without training: loss and counts over every sample."""

import math
import time
from dataclasses import dataclass

import numpy as np

from workloads.common.errors import RunFailed
from workloads.common.inputs import Feed, evaluation_plan
from workloads.common.progress import Advance
from workloads.common.steps import Call, Stepper


@dataclass(frozen=True)
class Evaluation:
    """A pass over a split: the mean loss, the objective's counts by name, samples and seconds."""

    loss: float
    counts: dict[str, float]
    samples: int
    seconds: float

    @property
    def accuracy(self) -> float:
        """Share of what counts that the model got right."""
        return self.counts["correct"] / self.counts["counted"]


def warm_up(stepper: Stepper, call: Call, feed: Feed) -> None:
    """Make one call of `call`, so that tracing and first use are behind when a clock starts."""
    plans = [evaluation_plan(share, stepper.global_batch) for share in feed.shares]
    arguments, steps = next(iter(feed.begin(plans, stepper.steps_per_call)))
    call(arguments, steps)


def evaluate(stepper: Stepper, call: Call, feed: Feed, advance: Advance) -> Evaluation:
    """Evaluate `stepper`'s model on every sample of `feed` once.

    `call` is `stepper.evaluator(feed)`, which is traced once for all passes of a run. Raises
    RunFailed when the loss is not a number, or when not every sample was counted.
    """
    started = time.perf_counter()
    plans = [evaluation_plan(share, stepper.global_batch) for share in feed.shares]
    totals = np.zeros(2 + len(stepper.objective.count_names))
    for arguments, steps in feed.begin(plans, stepper.steps_per_call):
        totals += call(arguments, steps).sum(axis=0, dtype=np.float64)
        advance(steps)
    loss, *counts, samples = totals
    if round(samples) != feed.shares[0].samples:
        raise RunFailed(f"{samples:.0f} of {feed.shares[0].samples} samples were evaluated")
    if not math.isfinite(loss):
        raise RunFailed("the evaluation loss is not a number")
    named = dict(zip(stepper.objective.count_names, (float(each) for each in counts), strict=True))
    if not named["counted"]:
        raise RunFailed("nothing in the split can be judged")
    mean = loss / named["counted"]
    return Evaluation(mean, named, round(samples), time.perf_counter() - started)
