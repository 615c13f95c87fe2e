"""Spells of bad runs on a node, and how likely they are by what happens on the others."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

# As if so many runs more had been seen, of which such a share is bad: where none of a few dozen
# runs is bad, one in a hundred may be all the same.
_PRIOR_SHARE, _PRIOR_RUNS = 0.01, 30


def share_of_others(bad: NDArray[np.bool_], nodes: NDArray[np.int64]) -> dict[int, float]:
    """How large a share of runs is bad on other nodes than this one. Nodes of which most runs are
    bad are not asked: two broken nodes must not excuse each other."""
    known, inverse, runs = np.unique(nodes, return_inverse=True, return_counts=True)
    count = np.bincount(inverse, bad)
    asked = count * 2 <= runs
    total, of = float(count[asked].sum()), float(runs[asked].sum())
    own, own_of = np.where(asked, count, 0), np.where(asked, runs, 0)
    share = (total - own + _PRIOR_SHARE * _PRIOR_RUNS) / (of - own_of + _PRIOR_RUNS)
    return dict(zip(known.tolist(), share.tolist(), strict=True))


def spell_of(bad: NDArray[np.bool_], share: float) -> tuple[int, float]:
    """Where the last runs begin that are the least likely, and how likely so many bad ones are
    among them if a share of all runs is bad."""
    starts = np.flatnonzero(bad)
    lengths = len(bad) - starts
    counts = np.arange(len(starts), 0, -1)
    tails = binom.sf(counts - 1, lengths, share)
    best = int(np.argmin(tails))
    return int(starts[best]), float(tails[best])
