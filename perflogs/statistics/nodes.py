"""The part that nodes play in a series: their own effects, and the changes they explain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from perflogs.statistics.noise import GAUSSIAN

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Runs of other nodes on either side that a run is compared with, how far they may be from it (in
#: runs), and how many of each side there must be: else a change in time would be one of the node.
NEIGHBOURS, FARTHEST, LEAST_NEIGHBOURS = 8, 30, 2
#: What a node's effect needs: so many runs, at so many times apart, and this score.
LEAST_RUNS, LEAST_VISITS, LEAST_SCORE = 3, 2, 4.0
#: Score, relative to the runs around whatever their nodes, from which an effect is looked into.
WORTH_A_LOOK = 2.5
#: How many runs on the other side of a change say that a node was good then.
RECENT = 30
# Of a median, in standard errors of a mean of Gaussian noise.
_MEDIAN = 1.2533


@dataclass(frozen=True)
class Membership:
    """The `names` of all nodes of a series, and which run was made on which: runs × nodes."""

    names: tuple[str, ...]
    member: Mask

    @property
    def tell_apart(self) -> bool:
        """Whether there are runs with and runs without some node."""
        return bool(self.names) and not self.member.all()


def membership(nodes: Sequence[str]) -> Membership:
    """Reads the nodes of runs, as `n1,n5`; nothing where they are not known."""
    split = {text: set(filter(None, text.split(","))) for text in set(nodes)}
    names = tuple(sorted(set().union(*split.values())))
    columns = {name: number for number, name in enumerate(names)}
    places = [(run, columns[name]) for run, text in enumerate(nodes) for name in split[text]]
    member = np.zeros((len(nodes), len(names)), dtype=bool)
    if places:
        member[tuple(np.array(places).T)] = True
    return Membership(names, member)


def effects(positions: Array, where: Membership, deviation: float, smallest: float) -> Array:
    """What the nodes of each run add to it, as far as that is well supported; else zero.

    A node's effect is the median difference of its runs from those on other nodes just before and
    just after. The best supported is taken out first and the rest weighed again, for beside a slow
    node all others look fast."""
    found = np.zeros_like(positions)
    if not where.tell_apart or positions.size < 2 * LEAST_NEIGHBOURS + LEAST_RUNS:
        return found
    settled = where.member.sum(axis=0) < LEAST_RUNS
    for _ in where.names:
        scores = np.where(settled, 0.0, _scores(positions - found, where.member, deviation))
        for node in np.argsort(-scores, kind="stable"):
            if scores[node] < WORTH_A_LOOK:
                return found
            effect = _effect(positions - found, where.member[:, node], deviation)
            settled[node] = True
            if abs(effect) >= smallest / 2:
                found[where.member[:, node]] += effect
                break
    return found


def _scores(positions: Array, member: Mask, deviation: float) -> Array:
    """How far each node's runs are from the runs around them, in standard errors."""
    width = min(2 * NEIGHBOURS + 1, positions.size - 1 + positions.size % 2)
    padded = np.pad(positions, width // 2, mode="reflect")
    around = np.median(sliding_window_view(padded, width), axis=1)
    bound = 6 * deviation
    strays = np.clip(positions - around, -bound, bound)
    counts = np.maximum(member.sum(axis=0), 1)
    return np.abs(strays @ member) / (deviation * np.sqrt(counts))


def _effect(positions: Array, on: Mask, deviation: float) -> float:
    """The effect of the node that some runs are `on`; zero where it is not well supported."""
    others = np.flatnonzero(~on)
    runs = np.flatnonzero(on)
    visits = np.searchsorted(others, runs)
    reach = np.arange(-NEIGHBOURS, NEIGHBOURS)
    numbers = visits[:, None] + reach
    inside = (numbers >= 0) & (numbers < others.size)
    neighbours = others[np.clip(numbers, 0, others.size - 1)]
    inside &= np.abs(neighbours - runs[:, None]) <= FARTHEST
    sides = [inside[:, reach < 0].sum(axis=1), inside[:, reach >= 0].sum(axis=1)]
    enclosed = np.minimum(*sides) >= LEAST_NEIGHBOURS
    apart = np.unique(visits[enclosed]).size
    if enclosed.sum() < LEAST_RUNS or apart < LEAST_VISITS:
        return 0.0
    beside = np.where(inside, positions[neighbours], np.nan)[enclosed]
    strays = positions[runs[enclosed]] - np.nanmedian(beside, axis=1)
    effect = float(np.median(strays))
    spread = max(GAUSSIAN * float(np.median(np.abs(strays - effect))), deviation)
    return effect if abs(effect) * np.sqrt(apart) >= LEAST_SCORE * _MEDIAN * spread else 0.0


def explanation(
    positions: Array, where: Membership, odd: slice, others: slice, levels: tuple[float, float]
) -> str:
    """The node that explains why the `odd` runs are at the first of two `levels`, while the
    `others`, around that time, are at the second.

    It is in every odd run that is nearer to the first level, and in none that is at the second,
    neither among the odd nor among the others. Several, separated by commas, where they were only
    used together; empty where there is none, or no run was ever made without it."""
    there, elsewhere = where.member[odd], where.member[others]
    if not where.tell_apart or not len(elsewhere):
        return ""
    strays = [np.abs(positions[odd] - place) for place in levels]
    moved = strays[0] < strays[1]
    separates = there[moved].all(axis=0) & ~there[~moved].any(axis=0) & moved.any()
    explains = (there.all(axis=0) | separates) & ~elsewhere.any(axis=0)
    return ",".join(where.names[number] for number in np.flatnonzero(explains))
