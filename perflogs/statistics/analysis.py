"""Takes a series apart: the effects of its nodes, its noise, and the parts it falls into."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from perflogs.statistics import nodes as of_nodes
from perflogs.statistics.confirmation import confirmed, critical, evidence, residuals
from perflogs.statistics.node_effects import Effect, effects, summed
from perflogs.statistics.noise import (
    GAUSSIAN,
    autocorrelation,
    inflation,
    level,
    scale,
)
from perflogs.statistics.segmentation import PENALTY, segment
from perflogs.statistics.yardstick import Yardstick, yardstick

Array = NDArray[np.float64]

#: The scatter of a part is that of its runs, and of so many with the noise of the whole series.
ASSUMED_RUNS = 10
# Where worse is on the line of positions; nowhere for metrics without a better.
_WORSE = {"higher": -1, "lower": 1}


@dataclass(frozen=True)
class Part:
    """Runs `start` to `stop` (not included) in which nothing changed; `deviation` is that of their
    positions. `best` is the number of the best accepted part up to here."""

    start: int
    stop: int
    level: float
    deviation: float
    accepted: bool
    best: int

    @property
    def runs(self) -> slice:
        """The runs of the part."""
        return slice(self.start, self.stop)


@dataclass(frozen=True)
class Analysis:
    """A series taken apart. `positions` are without `effects` of `where` runs were made; `worse`
    is the direction (+1 or -1) in which they get worse, or 0; `strays` are what is left of
    them when each has the level of its part taken off. `cuts` are all places where it may have
    changed, of which those between `parts` are confirmed."""

    stick: Yardstick
    worse: int
    positions: Array
    where: of_nodes.Membership
    effects: tuple[Effect, ...]
    deviation: float
    inflation: float
    strays: Array
    cuts: tuple[int, ...]
    parts: tuple[Part, ...]

    def node(self, start: int, before: float, after: float) -> str:
        """The node that explains why the runs since `start` are no longer at the level before, or
        that is left by a step back up."""
        earlier, later = slice(max(start - of_nodes.RECENT, 0), start), slice(start, None)
        explanation = of_nodes.explanation
        name = explanation(self.positions, self.where, later, earlier, (after, before))
        if name or (after - before) * self.worse >= 0:
            return name
        left = next((part.runs for part in self.parts if part.stop == start), earlier)
        others = slice(start, start + of_nodes.RECENT)
        return explanation(self.positions, self.where, left, others, (before, after))

    def evidence(self, before: Part, after: Part) -> float:
        """That two parts differ, in standard deviations."""
        groups = (before.runs, after.runs)
        return evidence(self.positions, self.strays, groups, self.deviation, self.inflation)


def analyse(values: Array, nodes: Sequence[str], better: str, comparison: str) -> Analysis:
    """Takes a series of one value or more apart; arguments as of `judge`."""
    stick = yardstick(values, better, comparison)
    positions = stick.positions(values)
    where = of_nodes.membership(nodes)
    deviation = scale(positions, stick.smallest)
    own = effects(positions, where, deviation, stick.smallest)
    if own:
        positions = positions - summed(own, positions.size)
        deviation = scale(positions, stick.smallest)

    shared = inflation(autocorrelation(positions, deviation))
    cuts = segment(positions / deviation, PENALTY * shared)
    kept = confirmed(positions, cuts, stick.smallest, deviation, shared)
    whole = Analysis(
        stick=stick,
        worse=_WORSE.get(better, 0),
        positions=positions,
        where=where,
        effects=tuple(own),
        deviation=deviation,
        inflation=shared,
        strays=residuals(positions, kept, deviation),
        cuts=tuple(cuts),
        parts=(),
    )
    return _with_parts(whole, kept)


def _with_parts(whole: Analysis, cuts: Sequence[int]) -> Analysis:
    parts: list[Part] = []
    for start, stop in pairwise(cuts):
        place = level(whole.positions[start:stop], whole.deviation)
        deviation = _deviation(whole.strays[start:stop], whole)
        part = Part(start, stop, place, deviation, accepted=True, best=len(parts))
        if parts:
            part = _beside_the_best(whole, parts, part)
        parts.append(part)
    return replace(whole, parts=tuple(parts))


def _beside_the_best(whole: Analysis, parts: list[Part], part: Part) -> Part:
    """The part, judged by the best accepted one before it. Behind a regression, it must be back at
    that level; else there must be evidence against it."""
    best = parts[-1].best
    loss = (part.level - parts[best].level) * whole.worse
    if loss >= whole.stick.smallest and (
        not parts[-1].accepted
        or whole.evidence(parts[best], part) >= critical(whole.positions.size - part.start)
    ):
        return replace(part, accepted=False, best=best)
    return replace(part, best=best if loss > 0 else len(parts))


def _deviation(strays: Array, whole: Analysis) -> float:
    """Of single runs: the median absolute deviation, leaning on the whole series' where they are
    few."""
    own = GAUSSIAN * float(np.median(np.abs(strays)))
    shares = np.sqrt(np.array([strays.size, ASSUMED_RUNS]) / (strays.size + ASSUMED_RUNS))
    return math.hypot(shares[0] * own, shares[1] * whole.deviation)
