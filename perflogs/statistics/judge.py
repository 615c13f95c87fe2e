"""The verdict on one series: what changed for good, and whether tonight is worth a second look."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from perflogs.statistics.analysis import Analysis, Part, analyse
from perflogs.statistics.judgement import Change, Judgement, Segment
from perflogs.statistics.slow_nodes import slow_nodes
from perflogs.statistics.suspicion import suspect

_TWO_SIDED_95 = 1.96


# A garbled figure may be as far away as numbers go.
@np.errstate(over="ignore")
def judge(
    values: NDArray[np.float64], nodes: Sequence[str], better: str, comparison: str
) -> Judgement:
    """Says of a series, oldest run first, what changed in it.

    `values` are finite; `nodes` say where each was measured ("n1,n5", or "" where that is not
    known); `better` is "higher", "lower", "equal" or ""; `comparison` "relative" or "absolute"."""
    if not len(values):
        return Judgement(())
    found = analyse(np.asarray(values, dtype=np.float64), nodes, better, comparison)
    return Judgement(
        segments=tuple(_segment(found, part) for part in found.parts),
        regression=_regression(found),
        improvement=_last_change(found) if _is_improvement(found) else None,
        change=None if found.worse else _last_change(found),
        suspect=suspect(found),
        slow=tuple(slow_nodes(found)),
    )


def _regression(found: Analysis) -> Change | None:
    """The current part beside the best accepted one: since the last change for the worse."""
    parts = found.parts
    current = parts[-1]
    if current.accepted:
        return None
    last = len(parts) - 1
    while (parts[last].level - parts[last - 1].level) * found.worse < 0:
        last -= 1
    return _change(found, parts[current.best], current, parts[last].start)


def _is_improvement(found: Analysis) -> bool:
    if len(found.parts) < 2:
        return False
    before, after = found.parts[-2:]
    return (after.level - before.level) * found.worse < 0


def _last_change(found: Analysis) -> Change | None:
    if len(found.parts) < 2:
        return None
    before, after = found.parts[-2:]
    return _change(found, before, after, after.start)


def _change(found: Analysis, before: Part, after: Part, start: int) -> Change:
    """From one part to another, the first run of which is `start`.

    The interval is the difference of the levels and 1.96 of its standard errors: those of two means
    of runs with the deviations of the parts, raised for the noise that neighbouring runs share.
    The confidence counts the evidence against all places at which there might have been a change
    (Bonferroni)."""
    distance = after.level - before.level
    variance = sum(part.deviation**2 / (part.stop - part.start) for part in (before, after))
    margin = _TWO_SIDED_95 * math.sqrt(variance * found.inflation)
    low, middle, high = (
        found.stick.difference(before.level, distance + offset) for offset in (-margin, 0.0, margin)
    )
    chance = 2 * float(ndtr(-found.evidence(before, after))) * found.positions.size
    return Change(
        start=start,
        before=_segment(found, before),
        after=_segment(found, after),
        difference=middle,
        low=low,
        high=high,
        confidence=max(1 - chance, 0.0),
        node=found.node(start, before.level, after.level),
    )


def _segment(found: Analysis, part: Part) -> Segment:
    return Segment(
        start=part.start,
        stop=part.stop,
        level=found.stick.value(part.level),
        scatter=found.stick.scatter(part.level, part.deviation),
        accepted=part.accepted,
    )
