"""Ways of doing the same that take turns, so that they meet the same moods of a machine."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.benchmarks._shared.machine import Cost, cost_of

Clock = Literal["wall", "cpu"]


@dataclass
class Rounds:
    """What each way has `done` in every round, in units of its own, and the `costs` of each."""

    done: dict[str, float] = field(default_factory=dict)
    costs: dict[str, list[Cost]] = field(default_factory=dict)

    def turn(
        self,
        works: Mapping[str, Callable[[], object]],
        tidy: Callable[[], object] = lambda: None,
    ) -> None:
        """Let each way do its work once more; `tidy` is called behind each, and counts for none."""
        for way, work in works.items():
            self.costs.setdefault(way, []).append(cost_of(work))
            tidy()

    def rate(self, way: str, clock: Clock) -> float:
        """What a way does in a second of the clock, or of all processors together."""
        return statistics.median(self._rates(way, clock))

    def ratio(self, way: str, other: str, clock: Clock) -> float:
        """How many times as fast one way is as another: the median of the rounds' ratios."""
        pairs = zip(self._rates(way, clock), self._rates(other, clock), strict=True)
        return statistics.median(one / two for one, two in pairs)

    def _rates(self, way: str, clock: Clock) -> list[float]:
        return [self.done[way] / getattr(cost, clock) for cost in self.costs[way]]
