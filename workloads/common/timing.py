"""The clock of a training run: warm-up kept apart from the steady state, waiting from computing."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class StepClock:
    """Collects the time of every call of training steps.

    The first `warmup_steps` (tracing, compilation, cache filling) are kept out of every steady
    figure. A call counts as steady only if it lies wholly behind them. All fields are plain
    numbers and lists, so that a checkpoint can carry the clock.
    """

    warmup_steps: int
    steps: int = 0
    steady_images: int = 0
    steady_seconds: float = 0.0
    stalled_seconds: float = 0.0
    steady_calls: list[tuple[float, int]] = field(default_factory=list)

    def add(self, seconds: float, stalled: float, steps: int, images: int) -> None:
        """Add a call: its whole time, the part spent waiting for input, its steps and images."""
        if self.steps >= self.warmup_steps:
            self.steady_images += images
            self.steady_seconds += seconds
            self.stalled_seconds += stalled
            self.steady_calls.append((seconds, steps))
        self.steps += steps

    def figures(self) -> dict[str, float]:
        """The steady-state metrics; none when no call was steady.

        The steps of a call are each given its mean, so that the 99th percentile is over calls,
        weighted by their steps.
        """
        if not self.steady_calls:
            return {}
        seconds, steps = np.array(self.steady_calls).T
        each = np.repeat(seconds / steps, steps.astype(int))
        return {
            "throughput": self.steady_images / self.steady_seconds,
            "step_seconds_median": float(np.median(each)),
            "step_seconds_99th_percentile": float(np.percentile(each, 99)),
            "input_stall_fraction": self.stalled_seconds / self.steady_seconds,
        }
