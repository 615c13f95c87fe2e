"""Whether the last runs of a series are worth a second look."""

import math
from collections.abc import Iterator

import numpy as np

from perflogs.statistics.analysis import Analysis
from perflogs.statistics.judgement import Suspect
from perflogs.statistics.noise import level
from perflogs.statistics.segmentation import SHORTEST

#: Robust standard deviations from the level before at which last runs are suspects: of Gaussian
#: noise one night in 30,000.
SUSPICIOUS = 4.0
#: So many last runs may be suspects together where each alone is not.
TOGETHER = 2


def suspect(found: Analysis) -> Suspect | None:
    """The last runs, where all of them are far from the level before in the worse direction (in
    either, where none is): those since a change that is not confirmed yet, else the last run, alone
    or together with the one before it."""
    last = found.parts[-1]
    for begin, start, deviation, each in _candidates(found):
        if start - begin < SHORTEST:
            continue
        usual = level(found.positions[begin:start], found.deviation)
        strays = found.positions[start:] - usual
        direction = found.worse or np.sign(strays[-1])
        distance = float(np.mean(strays))
        score = abs(distance) / deviation * math.sqrt(strays.size / found.inflation)
        if np.all(strays * direction >= each) and score >= SUSPICIOUS:
            return Suspect(
                start=start,
                run=last.stop - 1,
                usual=found.stick.value(usual),
                level=found.stick.value(usual + distance),
                difference=found.stick.difference(usual, distance),
                score=score,
                node=found.node(start, usual, usual + distance),
            )
    return None


def _candidates(found: Analysis) -> Iterator[tuple[int, int, float, float]]:
    """Where the runs before begin and the suspects start, the deviation of the former, and how far
    each suspect has to be from them."""
    last, least = found.parts[-1], found.stick.smallest
    begin, start = ([0, *found.cuts])[-3:-1]
    if start > last.start:
        yield max(begin, last.start), start, found.deviation, least
    both = last.stop - TOGETHER
    yield last.start, both, last.deviation, max(least, SUSPICIOUS * last.deviation)
    yield last.start, last.stop - 1, last.deviation, least
    yield last.start, both, last.deviation, least
