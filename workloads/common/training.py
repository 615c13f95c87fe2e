"""The training loop: epochs, validation, early stopping, best checkpoint, resume.

A run that is killed and started again continues behind its last whole epoch, and ends with the
same bits as an uninterrupted one (on CPU, and wherever the operations are deterministic).
"""

import contextlib
import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workloads.common import checkpoints
from workloads.common.checkpoints import Checkpoint
from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.evaluation import Evaluation, evaluate
from workloads.common.group.agreement import largest, require_agreement
from workloads.common.inputs import Feed, training_plan
from workloads.common.limits import Limits
from workloads.common.overlap import map_ahead
from workloads.common.progress import Advance, no_progress
from workloads.common.records import Recorder
from workloads.common.steps import Call, Stepper
from workloads.common.timing import StepClock

FINGERPRINT_STEP = 100


@dataclass
class LoopState:
    """Where the loop stands after a whole epoch; what a checkpoint carries.

    The lists have an entry for each whole epoch: its seconds, those of training and of validation
    alone, and the images trained on.
    """

    clock: StepClock
    epochs: int = 0
    steps: int = 0
    images: int = 0
    seconds: float = 0.0
    epoch_seconds: list[float] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    validation_seconds: list[float] = field(default_factory=list)
    epoch_images: list[int] = field(default_factory=list)
    train_loss: float = float("inf")
    train_accuracy: float = 0.0
    validation_loss: float = float("inf")
    validation_accuracy: float = 0.0
    epochs_without_improvement: int = 0
    loss_step100: float | None = None
    finished: bool = False

    def figures(self) -> dict[str, float]:
        """The metrics of the run so far, without those that it was too short for."""
        reached = {} if self.loss_step100 is None else {"loss_step100": self.loss_step100}
        if self.epoch_seconds:
            reached["first_epoch_seconds"] = self.epoch_seconds[0]
            reached["epoch_seconds"] = float(
                np.median(self.epoch_seconds[1:] or self.epoch_seconds)
            )
        return {
            **self.clock.figures(),
            "mean_train_images_per_second": self.images / self.seconds,
            "train_loss": self.train_loss,
            "train_accuracy": self.train_accuracy,
            "validation_loss": self.validation_loss,
            "validation_accuracy": self.validation_accuracy,
            **reached,
        }


@dataclass(frozen=True)
class Epoch:
    """The steps of one pass over the training split, and the arguments and steps of its calls."""

    steps: int
    calls: Iterator[tuple[Any, int]]


@dataclass
class Training:
    """One run of the loop: `run()` trains until a limit is met and returns the final state.

    `close()` is for the end of the stage: until then a killed one comes back to where it was, were
    it behind its last epoch.
    `settings` are what must be equal for a killed run to be continued in `output`. `images` counts
    what this process's run trained on, without what a killed one did before it.
    """

    stepper: Stepper
    train_feed: Feed
    validation_feed: Feed
    limits: Limits
    recorder: Recorder
    output: Path
    settings: dict[str, Any]
    advance: Advance
    images: int = field(default=0, init=False)

    def run(self) -> LoopState:
        """Train. Raises RunFailed on a loss that is not a number or on ranks that disagree."""
        state = self._start()
        train = self.stepper.trainer(self.train_feed)
        validate = self.stepper.evaluator(self.validation_feed)
        # Shuffling millions of samples takes a while, and so does reading the first of them.
        epochs = map_ahead(self._open_epoch, itertools.count(state.epochs), threads=1, ahead=1)
        with contextlib.closing(epochs):
            while not self._is_over(state):
                started = time.perf_counter()
                self.recorder.event("epoch_start", state.epochs + 1)
                images = state.images
                whole = self._train_epoch(train, state, next(epochs))
                trained = time.perf_counter()
                validation = evaluate(self.stepper, validate, self.validation_feed, no_progress)
                ended = time.perf_counter()
                state.seconds += ended - started
                if whole:
                    state.epoch_seconds.append(ended - started)
                    state.train_seconds.append(trained - started)
                    state.validation_seconds.append(ended - trained)
                    state.epoch_images.append(state.images - images)
                self._conclude_epoch(state, validation, ended - started)
        require_agreement(self.stepper.devices, self.stepper.model.variables, str(self.settings))
        return state

    def close(self) -> None:
        """Mark the run as finished: it is not to be continued, nor its figures told twice."""
        if self.stepper.devices.reports:
            last = self.output / checkpoints.LAST
            about = checkpoints.describe(last)
            checkpoints.change_state(last, about.state | {"finished": True})

    def _start(self) -> LoopState:
        last = self.output / checkpoints.LAST
        state = LoopState(StepClock(self.limits.warmup_steps))
        if last.exists():
            about = checkpoints.describe(last)
            if about.settings != self.settings:
                differing = sorted(
                    key
                    for key in about.settings | self.settings
                    if about.settings.get(key) != self.settings.get(key)
                )
                raise UnusableInput(
                    f"{self.output} holds a run with other settings ({', '.join(differing)}): "
                    "choose another folder, or remove it"
                )
            checkpoints.restore(last, self.stepper.model, self.stepper.optimizer)
            state = LoopState(**about.state | {"clock": StepClock(**about.state["clock"])})
            # The first steps of this process trace and fill caches again.
            state.clock.warmup_steps = state.clock.steps + self.limits.warmup_steps
            if state.finished:
                raise UnusableInput(
                    f"{self.output} holds a finished run: choose another folder, or remove it"
                )
            self.recorder.event("resumed", state.epochs)
        require_agreement(self.stepper.devices, [], f"start behind epoch {state.epochs}")
        return state

    def _is_over(self, state: LoopState) -> bool:
        return (
            state.epochs >= self.limits.epochs
            or state.epochs_without_improvement >= self.limits.patience
            or (self.limits.max_steps is not None and state.steps >= self.limits.max_steps)
            or (state.epochs > 0 and self._is_measured(state))
        )

    def _is_measured(self, state: LoopState) -> bool:
        if self.limits.measured_seconds is None:
            return False
        measured = largest(self.stepper.devices, state.clock.steady_seconds)
        return measured >= self.limits.measured_seconds

    def _open_epoch(self, number: int) -> Epoch:
        """Plan an epoch and read what its first call takes."""
        batch = self.stepper.global_batch
        plans = [training_plan(share, batch, number) for share in self.train_feed.shares]
        calls = self.train_feed.begin(plans, self.stepper.steps_per_call)
        return Epoch(len(plans[0].positions), itertools.chain([next(calls)], calls))

    def _train_epoch(self, train: Call, state: LoopState, epoch: Epoch) -> bool:
        """Train on one epoch, or on the part of it that the limits leave; whether it was whole."""
        before = time.perf_counter()
        batch = self.stepper.global_batch
        left = epoch.steps
        totals = np.zeros(2 + len(self.stepper.objective.count_names))
        for arguments, available in epoch.calls:
            stalled = time.perf_counter() - before
            steps = available
            if self.limits.max_steps is not None:
                steps = min(available, self.limits.max_steps - state.steps)
            sums = train(arguments, steps)
            now = time.perf_counter()
            state.clock.add(now - before, stalled, steps, steps * batch)
            self._watch(state, sums[:, 0] / batch)
            totals += sums.sum(axis=0, dtype=np.float64)
            self.advance(steps)
            left -= steps
            if steps < available or (state.epochs > 0 and self._is_measured(state)):
                break
            before = time.perf_counter()
        state.images += round(totals[-1])
        self.images += round(totals[-1])
        if left == 0 or not state.epoch_seconds:
            counts = dict(zip(self.stepper.objective.count_names, totals[1:-1], strict=True))
            if not counts["counted"]:
                raise RunFailed("nothing in the training split can be judged")
            state.train_loss = float(totals[0] / counts["counted"])
            state.train_accuracy = float(counts["correct"] / counts["counted"])
        return left == 0

    def _watch(self, state: LoopState, losses: np.ndarray) -> None:
        """Keep the loss after step 100, and stop at once on one that is not a number."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if bad.size:
            raise RunFailed(f"the loss is not a number at step {state.steps + bad[0] + 1}")
        if state.steps < FINGERPRINT_STEP <= state.steps + len(losses):
            state.loss_step100 = float(losses[FINGERPRINT_STEP - state.steps - 1])
        state.steps += len(losses)

    def _conclude_epoch(self, state: LoopState, validation: Evaluation, seconds: float) -> None:
        """Record the epoch, keep the best weights and the state to continue from."""
        state.epochs += 1
        improved = validation.loss < state.validation_loss
        if improved:
            state.validation_loss = validation.loss
            state.validation_accuracy = validation.accuracy
            state.epochs_without_improvement = 0
        else:
            state.epochs_without_improvement += 1
        self.recorder.event(
            "epoch_stop",
            state.epochs,
            seconds=round(seconds, 3),
            train_loss=round(state.train_loss, 6),
            validation_loss=round(validation.loss, 6),
            validation_accuracy=round(validation.accuracy, 6),
        )
        if self.stepper.devices.reports:
            about = Checkpoint(self.stepper.model.name, self.settings, asdict(state))
            if improved:
                checkpoints.save(self.output / checkpoints.BEST, about, self.stepper.model)
            path = self.output / checkpoints.LAST
            checkpoints.save(path, about, self.stepper.model, self.stepper.optimizer)
