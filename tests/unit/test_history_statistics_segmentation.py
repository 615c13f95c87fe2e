"""The cut of a series into segments: the best there is, by trying all of them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-6, 6).map(lambda place: round(place, 3)), min_size=6, max_size=14),
    st.sampled_from([0.5, 1.5, PENALTY, 6.0]),
)
def test_no_other_cut_costs_less(places, penalty):
    found = segment(np.array(places), penalty)
    best = min(cost(places, cuts, penalty) for cuts in all_cuts(len(places)))
    assert cost(places, found, penalty) == pytest.approx(best, abs=1e-4)


def test_two_levels_are_cut_where_they_meet():
    assert segment(np.array([0.0] * 10 + [9.0] * 5), PENALTY) == [0, 10, 15]


@pytest.mark.parametrize("count", range(6))
def test_fewer_runs_than_two_segments_take_are_one(count):
    assert segment(np.arange(count) * 100.0, PENALTY) == [0, count]


def test_a_place_far_out_is_only_one_place():
    places = np.zeros(40)
    places[20] = 1e300
    assert segment(places, PENALTY) == [0, 40]
