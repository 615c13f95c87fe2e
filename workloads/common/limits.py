"""When training ends."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """When training ends: whichever comes first.

    `patience` is the number of epochs without a lower validation loss. The first `warmup_steps`
    are kept out of the steady-state figures. `measured_seconds` counts the steady state alone, and
    lets the first epoch complete.
    """

    epochs: int
    patience: int
    warmup_steps: int
    measured_seconds: float | None = None
    max_steps: int | None = None

    def total_steps(self, steps_per_epoch: int) -> int | None:
        """Steps of a run that no early stopping ends; None when a clock ends it."""
        if self.measured_seconds is not None:
            return self.max_steps
        steps = self.epochs * steps_per_epoch
        return steps if self.max_steps is None else min(steps, self.max_steps)
