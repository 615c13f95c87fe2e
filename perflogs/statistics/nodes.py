"""The part that nodes play in a series: where its runs were made, and the changes they explain."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: How many runs on the other side of a change say that a node was good then.
RECENT = 30


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
