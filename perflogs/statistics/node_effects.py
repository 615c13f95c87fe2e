"""What nodes add to the runs made on them: one that is slow is not to look like a slower system."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from perflogs.statistics.nodes import Array, Mask, Membership
from perflogs.statistics.noise import GAUSSIAN
from perflogs.statistics.segmentation import PENALTY, segment

#: Runs of other nodes on either side that a run is compared with, how far they may be from it (in
#: runs), and how many of each side there must be: else a change in time would be one of the node.
NEIGHBOURS, FARTHEST, LEAST_NEIGHBOURS = 8, 30, 2
#: What a node's effect needs: so many runs, at so many times apart, and this score.
LEAST_RUNS, LEAST_VISITS, LEAST_SCORE = 3, 2, 4.0
#: Score, relative to the runs around whatever their nodes, from which an effect is looked into: of
#: all runs of a node, or of its last ones.
WORTH_A_LOOK, LAST = 2.5, 5
# Of a median, in standard errors of a mean of Gaussian noise.
_MEDIAN = 1.2533


@dataclass(frozen=True)
class Effect:
    """What node number `node` adds to its `runs`: `size`, give or take `error` (one standard
    error). `bad` of them show it, and `lasts` says that the last run of the node is among them."""

    node: int
    runs: NDArray[np.intp]
    size: float
    error: float
    bad: int
    lasts: bool

    @property
    def score(self) -> float:
        """Its size in standard errors."""
        return abs(self.size) / self.error


def effects(positions: Array, where: Membership, deviation: float, smallest: float) -> list[Effect]:
    """The effects of nodes that are well supported, the clearest first.

    A node's effect is the median difference of its runs from those on other nodes just before and
    just after; it may begin and end. The best supported is taken out first and the rest weighed
    again, for beside a slow node all others look fast."""
    found: list[Effect] = []
    if not where.tell_apart or positions.size < 2 * LEAST_NEIGHBOURS + LEAST_RUNS:
        return found
    settled = where.member.sum(axis=0) < LEAST_RUNS
    last = where.member & (where.member[::-1].cumsum(axis=0)[::-1] <= LAST)
    for _ in where.names:
        rest = positions - summed(found, positions.size)
        around = _strays(rest, deviation)
        scores = np.maximum(_scores(around, where.member), _scores(around, last))
        scores[settled] = 0.0
        for node in np.argsort(-scores, kind="stable"):
            if scores[node] < WORTH_A_LOOK:
                return found
            settled[node] = True
            clear = [
                each
                for each in _effects(rest, where.member, int(node), deviation)
                if abs(each.size) >= smallest / 2
            ]
            if clear:
                found += clear
                break
    return found


def summed(found: Sequence[Effect], runs: int) -> Array:
    """What the effects add to each of so many runs."""
    total = np.zeros(runs)
    for each in found:
        total[each.runs] += each.size
    return total


def _strays(positions: Array, deviation: float) -> Array:
    """How far runs are from those around them, in standard deviations, six at most."""
    width = min(2 * NEIGHBOURS + 1, positions.size - 1 + positions.size % 2)
    padded = np.pad(positions, width // 2, mode="reflect")
    around = np.median(sliding_window_view(padded, width), axis=1)
    return np.clip((positions - around) / deviation, -6, 6)


def _scores(strays: Array, member: Mask) -> Array:
    """How far each node's runs are from the runs around them, in standard errors."""
    return np.abs(strays @ member) / np.sqrt(np.maximum(member.sum(axis=0), 1))


def _effects(positions: Array, member: Mask, node: int, deviation: float) -> Iterator[Effect]:
    """The well supported effects of one node, the first that it had first."""
    on = member[:, node]
    others, runs = np.flatnonzero(~on), np.flatnonzero(on)
    visits = np.searchsorted(others, runs)
    enclosed, beside = _beside(positions, others, runs, visits)
    if enclosed.size < LEAST_RUNS:
        return
    strays = positions[runs[enclosed]] - beside
    cuts = segment(strays / deviation, PENALTY)
    for start, stop in pairwise(cuts):
        # Runs that nothing can be compared with are like those before them.
        first = 0 if start == 0 else enclosed[start]
        last = runs.size if stop == enclosed.size else enclosed[stop]
        apart = np.unique(visits[enclosed[start:stop]]).size
        size = float(np.median(strays[start:stop]))
        spread = max(GAUSSIAN * float(np.median(np.abs(strays[start:stop] - size))), deviation)
        error = _MEDIAN * spread / math.sqrt(apart)
        if apart >= LEAST_VISITS and abs(size) >= LEAST_SCORE * error:
            bad = int(np.sum(strays[start:stop] * np.sign(size) > abs(size) / 2))
            yield Effect(node, runs[first:last], size, error, bad, last == runs.size)


def _beside(
    positions: Array, others: NDArray[np.intp], runs: NDArray[np.intp], visits: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Array]:
    """Which of the runs have runs of others before and after them, and the median of these."""
    reach = np.arange(-NEIGHBOURS, NEIGHBOURS)
    numbers = visits[:, None] + reach
    inside = (numbers >= 0) & (numbers < others.size)
    neighbours = others[np.clip(numbers, 0, others.size - 1)]
    inside &= np.abs(neighbours - runs[:, None]) <= FARTHEST
    sides = [inside[:, reach < 0].sum(axis=1), inside[:, reach >= 0].sum(axis=1)]
    enclosed = np.flatnonzero(np.minimum(*sides) >= LEAST_NEIGHBOURS)
    beside = np.where(inside, positions[neighbours], np.nan)[enclosed]
    return enclosed, np.nanmedian(beside, axis=1) if enclosed.size else np.empty(0)
