"""The verdict on one series: what changed for good, and whether tonight is worth a second look."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from perflogs.statistics.analysis import Analysis, Part, analyse
from perflogs.statistics.judgement import Change, Judgement, Segment, Suspect
from perflogs.statistics.nodes import RECENT, explanation
from perflogs.statistics.noise import level
from perflogs.statistics.segmentation import SHORTEST

#: Robust standard deviations from the current level at which last runs are suspects: of Gaussian
#: noise one night in 30,000.
SUSPICIOUS = 4.0
#: So many last runs may be suspects together where each alone is not.
TOGETHER = 2
_TWO_SIDED_95 = 1.96


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
        suspect=_suspect(found),
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
        node=_node(found, start, before.level, after.level),
    )


def _node(found: Analysis, start: int, before: float, after: float) -> str:
    """The node that explains the runs since `start`, or that is left by a step back up."""
    earlier, later = slice(max(start - RECENT, 0), start), slice(start, None)
    name = explanation(found.positions, found.where, later, earlier, (after, before))
    if name or (after - before) * found.worse >= 0:
        return name
    left = next((part.runs for part in found.parts if part.stop == start), earlier)
    return explanation(
        found.positions, found.where, left, slice(start, start + RECENT), (before, after)
    )


def _suspect(found: Analysis) -> Suspect | None:
    """The last run, alone or together with the one before it, where it is far from the level of
    the current part in the worse direction (in either, where none is)."""
    current = found.parts[-1]
    for count in range(1, TOGETHER + 1):
        earlier = found.positions[current.start : -count]
        if earlier.size < SHORTEST:
            break
        usual = level(earlier, found.deviation)
        strays = found.positions[-count:] - usual
        direction = found.worse or np.sign(strays[-1])
        distance = float(np.mean(strays))
        score = abs(distance) / current.deviation * math.sqrt(count / found.inflation)
        if np.all(strays * direction >= found.stick.smallest) and score >= SUSPICIOUS:
            run = found.positions.size - 1
            difference = found.stick.difference(usual, distance)
            return Suspect(run, difference, score, _node(found, run, usual, usual + distance))
    return None


def _segment(found: Analysis, part: Part) -> Segment:
    return Segment(
        start=part.start,
        stop=part.stop,
        level=found.stick.value(part.level),
        scatter=found.stick.scatter(part.level, part.deviation),
        accepted=part.accepted,
    )
