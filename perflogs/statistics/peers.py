"""Compares nodes with their peers: those that are worse than the rest, and those that are unsteady.

Three things must not make a false alarm: single slow runs, whose share is taken from the fleet
itself; nodes that lie at the edge of an ordinary scatter of nodes, and lie there every night; and
the number of nodes and figures that are looked at, night after night."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from perflogs.statistics.spells import share_of_others, spell_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: A node is compared with this many others or more.
FEWEST_PEERS = 4
#: The changes that count at least: a fraction, or in the unit of the metric.
SMALLEST_RELATIVE, SMALLEST_ABSOLUTE = 0.02, 0.005
#: From this score on a single run is bad.
BAD = 3.0
#: From this score on a node's level is no longer one of an ordinary scatter of nodes, and a single
#: run is suspect.
FAR = 5.0
#: How many nodes one look at the whole fleet may confirm by chance, and name as suspects.
CHANCE_CONFIRMED, CHANCE_SUSPECT = 1e-4, 1e-2
FEWEST_BAD_RUNS = 3
#: A node is unsteady that scatters so many times as much as the median of its peers.
UNSTEADY = 3.0
FEWEST_RUNS_OF_UNSTEADY = 5
_GAUSSIAN_MAD = 1.4826
_GAUSSIAN_MEAN_DEVIATION = float(np.sqrt(np.pi / 2))


@dataclass(frozen=True)
class Outlier:
    """A node that differs from its peers.

    `node` is its number and `start` the first run (index) of the spell, in which `bad` of `runs`
    runs were bad. `size` is how much worse its median run is than its peers' (of an unsteady node:
    its standard deviation), as a fraction or in the unit of the metric; `score` is the same in
    standard deviations of what is ordinary (unsteady: how many times its peers' scatter). `chance`
    is how many such nodes a look at the whole fleet would find by chance."""

    node: int
    confirmed: bool
    start: int
    bad: int
    runs: int
    size: float
    score: float
    chance: float


def peer_levels(values: Floats, nodes: Integers, nights: Integers) -> Floats:
    """What the other nodes reach, for each run: the median of their medians of the same night, or
    of as few nights around it as hold FEWEST_PEERS other nodes; NaN where none do.

    All arrays have the length of the runs; `nodes` and `nights` are numbers."""
    levels = np.full(len(values), np.nan)
    for night in np.unique(nights):
        here = nights == night
        around = _around(nodes, nights, night)
        if around is None:
            continue

        known, medians = _medians(values[around], nodes[around])
        levels[here] = medians_of_others(medians)[np.searchsorted(known, nodes[here])]

    return levels


def medians_of_others(values: Floats) -> Floats:
    """For each of two or more values, the median of all others."""
    order = np.argsort(values)
    ordered = values[order]
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    others = len(values) - 1
    lower, upper = (others - 1) // 2, others // 2
    return (ordered[lower + (lower >= rank)] + ordered[upper + (upper >= rank)]) / 2


def worse_nodes(deviations: Floats, nodes: Integers, smallest: float, family: int) -> list[Outlier]:
    """The nodes whose last runs are worse than their peers'.

    `deviations` of all runs of one metric of one case are oldest first, finite, from the level of
    the peers, and positive where worse; `smallest` is the smallest that counts, `family` how many
    pairs of a node and a metric are looked at in all."""
    if not len(deviations):
        return []

    within = _within(deviations, nodes)
    scale = max(_GAUSSIAN_MAD * float(np.median(np.abs(deviations))), smallest / FAR)
    between = max(scale**2 - within**2, 0.0)
    scores = deviations / scale
    bad = (scores >= BAD) & (deviations >= smallest)
    share = share_of_others(bad, nodes)
    found = []
    for node in np.unique(nodes[bad]):
        runs = np.flatnonzero(nodes == node)
        start, tail = spell_of(bad[runs], share[node])
        spell = runs[start:]
        level = float(np.median(deviations[spell]))
        # The median of n runs scatters by the square root of pi / 2n.
        ordinary = np.sqrt(between + np.pi / 2 * within**2 / len(spell))
        score = level / max(float(ordinary), smallest / FAR)
        chance = min(tail * len(runs) * family, float(family))
        count = int(bad[spell].sum())
        lasting = score >= FAR and bad[runs[-3:]].sum() >= 2
        confirmed = lasting and count >= FEWEST_BAD_RUNS and chance <= CHANCE_CONFIRMED
        suspect = bad[runs[-1]] and (scores[runs[-1]] >= FAR or chance <= CHANCE_SUSPECT)
        if confirmed or suspect:
            found.append(
                Outlier(
                    int(node), confirmed, int(spell[0]), count, len(spell), level, score, chance
                )
            )

    return found


def unsteady_nodes(
    deviations: Floats, nodes: Integers, smallest: float, family: int
) -> list[Outlier]:
    """The nodes whose runs vary far more than their peers', to and fro: a node that has become
    worse and stays so is none. Arguments are those of `worse_nodes`."""
    if not len(deviations):
        return []

    known, medians = _medians(deviations, nodes)
    residuals = np.abs(deviations - medians[np.searchsorted(known, nodes)])
    scale = max(_within(deviations, nodes), smallest / FAR)
    wild = (residuals >= BAD * scale) & (residuals >= smallest)
    share = share_of_others(wild, nodes)
    _, means = _means(residuals, nodes)
    scatters = _GAUSSIAN_MEAN_DEVIATION * means
    found = []
    for node in np.unique(nodes[wild]):
        runs = np.flatnonzero(nodes == node)
        mine = wild[runs]
        stretches = int(mine[0]) + int(np.sum(mine[1:] & ~mine[:-1]))
        if len(runs) < FEWEST_RUNS_OF_UNSTEADY or stretches < 2 or len(known) <= FEWEST_PEERS:
            continue

        count = int(mine.sum())
        chance = float(binom.sf(count - 1, len(runs), share[node])) * family
        size = float(scatters[known == node][0])
        score = size / max(float(np.median(scatters[known != node])), smallest / FAR)
        confirmed = count >= FEWEST_BAD_RUNS and chance <= CHANCE_CONFIRMED
        if score >= UNSTEADY and (confirmed or chance <= CHANCE_SUSPECT):
            start = int(runs[int(np.argmax(mine))])
            found.append(
                Outlier(int(node), confirmed, start, count, len(runs), size, score, chance)
            )

    return found


def _around(nodes: Integers, nights: Integers, night: int) -> NDArray[np.bool_] | None:
    """The runs of the fewest nights around `night` that hold enough nodes; None where none do."""
    distances = np.abs(nights - night)
    for distance in np.unique(distances):
        around = distances <= distance
        if len(np.unique(nodes[around])) > FEWEST_PEERS:
            return around

    return None


def _medians(values: Floats, nodes: Integers) -> tuple[Integers, Floats]:
    """The numbers of the nodes, in order, and the median of the values of each."""
    order = np.lexsort((values, nodes))
    ordered = values[order]
    known, starts, counts = np.unique(nodes[order], return_index=True, return_counts=True)
    lower, upper = starts + (counts - 1) // 2, starts + counts // 2
    return known, (ordered[lower] + ordered[upper]) / 2


def _means(values: Floats, nodes: Integers) -> tuple[Integers, Floats]:
    known, inverse, counts = np.unique(nodes, return_inverse=True, return_counts=True)
    return known, np.bincount(inverse, values) / counts


def _within(deviations: Floats, nodes: Integers) -> float:
    """The robust standard deviation of single runs of the same node, from their differences to the
    run before; that of all runs where no node has two."""
    order = np.argsort(nodes, kind="stable")
    same = np.diff(nodes[order]) == 0
    differences = np.diff(deviations[order])[same]
    if not len(differences):
        return _GAUSSIAN_MAD * float(np.median(np.abs(deviations)))

    return _GAUSSIAN_MAD * float(np.median(np.abs(differences))) / np.sqrt(2)
