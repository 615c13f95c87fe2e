"""Compares nodes by what passes on them: those that fail where most others pass."""

import numpy as np
from numpy.typing import NDArray

from perflogs.statistics.peers import (
    CHANCE_CONFIRMED,
    CHANCE_SUSPECT,
    FEWEST_BAD_RUNS,
    FEWEST_PEERS,
    Outlier,
)
from perflogs.statistics.spells import share_of_others, spell_of


def failing_nodes(
    failed: NDArray[np.bool_], nodes: NDArray[np.int64], family: int
) -> list[Outlier]:
    """The nodes whose last runs of a case failed, where most nodes pass most of theirs.

    `failed` and `nodes` (numbers) are of all runs of one case, oldest first; `family` is how many
    pairs of a node and a case are looked at in all. `size` and `score` of what is found are the
    share of runs that failed, and 0."""
    known, inverse, runs_of = np.unique(nodes, return_inverse=True, return_counts=True)
    passing = np.bincount(inverse, failed) * 2 <= runs_of
    if len(known) <= FEWEST_PEERS or int(passing.sum()) * 2 <= len(known):
        return []

    share = share_of_others(failed, nodes)
    found = []
    for node in np.unique(nodes[failed]):
        runs = np.flatnonzero(nodes == node)
        start, tail = spell_of(failed[runs], share[node])
        spell = runs[start:]
        chance = min(tail * len(runs) * family, float(family))
        count = int(failed[spell].sum())
        lasting = failed[runs[-3:]].sum() >= 2
        confirmed = bool(lasting) and count >= FEWEST_BAD_RUNS and chance <= CHANCE_CONFIRMED
        if confirmed or (failed[runs[-1]] and chance <= CHANCE_SUSPECT):
            size = count / len(spell)
            found.append(
                Outlier(int(node), confirmed, int(spell[0]), count, len(spell), size, 0.0, chance)
            )

    return found
