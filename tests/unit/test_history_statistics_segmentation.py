"""The cut of a series into segments: the best there is, by trying all of them."""

from itertools import pairwise

import numpy as np
import pytest

from perflogs.statistics.segmentation import GAMMA, PENALTY, SHORTEST, segment


def cost(places, cuts, penalty):
    """As `segment` documents it, word by word."""
    total = 0.0
    for start, stop in pairwise(cuts):
        part = np.array(places[start:stop])
        alike = np.exp(-GAMMA * (part[:, None] - part) ** 2)
        total += penalty + part.size - alike.sum() / part.size
    return total


def all_cuts(count):
    """Every way to cut so many runs into segments of SHORTEST or more."""

    def beginnings(stop):
        if stop == 0:
            yield [0]
        for start in range(stop - SHORTEST + 1):
            for cuts in beginnings(start):
                yield [*cuts, stop]

    return beginnings(count)


@pytest.mark.parametrize("penalty", [PENALTY, 2 * PENALTY])
def test_hardly_ever_does_another_cut_cost_less_and_never_much_less(penalty):
    random = np.random.default_rng(2)
    excess = []
    for _ in range(150):
        count = random.integers(6, 15)
        levels = np.repeat(3 * random.standard_normal(count), random.integers(1, 9, count))[:count]
        places = levels + random.choice([0.3, 1.0, 3.0]) * random.standard_normal(count)
        best = min(cost(places, cuts, penalty) for cuts in all_cuts(count))
        excess.append(cost(places, segment(places, penalty), penalty) - best)
    assert np.mean(np.array(excess) < 1e-4) >= 0.98
    assert max(excess) < 0.1


def test_two_levels_are_cut_where_they_meet():
    assert segment(np.array([0.0] * 10 + [9.0] * 5), PENALTY) == [0, 10, 15]


@pytest.mark.parametrize("count", range(6))
def test_fewer_runs_than_two_segments_take_are_one(count):
    assert segment(np.arange(count) * 100.0, PENALTY) == [0, count]


@pytest.mark.parametrize("far", [1e300, np.inf])
def test_a_place_far_out_is_only_one_place(far):
    places = np.zeros(40)
    places[20] = far
    assert segment(places, PENALTY) == [0, 40]
    places[35:] = far
    assert segment(places, PENALTY) == [0, 35, 40]
