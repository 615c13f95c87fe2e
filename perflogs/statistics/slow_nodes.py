"""Which nodes are worse than the others whenever they are drawn, as changes of their own."""

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from perflogs.statistics.analysis import Analysis
from perflogs.statistics.judgement import Change, Segment
from perflogs.statistics.node_effects import LEAST_RUNS, Effect

#: That there is an effect at all, against all runs and nodes that might have had one by chance.
LEAST_CONFIDENCE = 0.99
_TWO_SIDED_95 = 1.96


def slow_nodes(found: Analysis) -> Iterator[Change]:
    """The effects that last, are for the worse and beyond doubt, with three bad runs or more."""
    for effect in found.effects:
        is_worse = effect.size * found.worse >= found.stick.smallest
        if is_worse and effect.lasts and effect.bad >= LEAST_RUNS:
            change = _change(found, effect)
            if change.confidence >= LEAST_CONFIDENCE:
                yield change


def _change(found: Analysis, effect: Effect) -> Change:
    """From the level of all other nodes to that of this one. Nodes that were only used together
    cannot be told apart."""
    usual = found.parts[-1]
    margin = _TWO_SIDED_95 * effect.error
    low, middle, high = (
        found.stick.difference(usual.level, effect.size + offset)
        for offset in (-margin, 0.0, margin)
    )
    member = found.where.member
    alike = (member == member[:, [effect.node]]).all(axis=0)
    level, start, stop = usual.level + effect.size, int(effect.runs[0]), int(effect.runs[-1]) + 1
    return Change(
        start=start,
        before=_segment(found, usual.start, usual.stop, usual.level, accepted=usual.accepted),
        after=_segment(found, start, stop, level, accepted=False),
        difference=middle,
        low=low,
        high=high,
        confidence=max(1 - 2 * float(ndtr(-effect.score)) * found.positions.size, 0.0),
        node=",".join(found.where.names[number] for number in np.flatnonzero(alike)),
    )


def _segment(found: Analysis, start: int, stop: int, level: float, *, accepted: bool) -> Segment:
    scatter = found.stick.scatter(level, found.parts[-1].deviation)
    return Segment(start, stop, found.stick.value(level), scatter, accepted)
