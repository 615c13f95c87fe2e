"""Two samples: shifts that can be counted by hand, and intervals that hold what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, wilcoxon

from perflogs.statistics.comparison import (
    BETTER,
    CHANGED,
    EQUIVALENT,
    INCONCLUSIVE,
    WORSE,
    Shift,
    blocked_shift,
    more_needed,
    paired_shift,
    smallest_visible,
    verdict,
)

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=1, max_size=8).map(np.array)
MIRROR = {WORSE: BETTER, BETTER: WORSE}


def two_samples(a, b):
    return blocked_shift([(np.array(a, float), np.array(b, float))])


def test_the_shift_of_two_samples_is_the_median_of_all_differences():
    assert two_samples([1, 2, 4], [11, 13]).estimate == 9.5


def test_four_and_four_values_are_between_the_extreme_differences():
    # 2 of the 70 orders of four and four values are the two extreme ones: 2.9 %.
    shift = two_samples([1, 2, 3, 4], [11, 12, 13, 14])
    assert (shift.estimate, shift.low, shift.high) == (10.0, 7.0, 13.0)


def test_three_and_three_values_have_no_interval_of_95_percent():
    shift = two_samples([1, 2, 3], [11, 12, 13])
    assert (shift.estimate, shift.bounded) == (10.0, False)


def test_six_pairs_are_between_the_extreme_differences_and_five_have_no_interval():
    six = paired_shift(np.array([1.0, 2, 3, 4, 5, 6]))
    assert (six.estimate, six.low, six.high) == (3.5, 1.0, 6.0)
    assert not paired_shift(np.array([1.0, 2, 3, 4, 5])).bounded


def test_blocks_are_compared_within_themselves_alone():
    a, b = np.array([0.0, 1, 2, 3]), np.array([1.0, 2, 3, 4])
    shift = blocked_shift([(a, b), (a + 500, b + 500)])
    assert shift.estimate == 1.0
    assert -3 < shift.low < 1 < shift.high < 5


@pytest.mark.parametrize(("a", "b"), [(4, 6), (7, 7), (12, 20), (30, 40), (25, 25)])
def test_an_interval_of_two_samples_ends_where_a_rank_sum_test_rejects(a, b):
    rng = np.random.default_rng(a * b)
    one, other = rng.standard_normal(a), 0.4 + rng.standard_normal(b)
    shift = two_samples(one, other)
    method = "exact" if a * b <= 400 else "asymptotic"
    for end, outside in ((shift.low, -1e-9), (shift.high, 1e-9)):
        inside = mannwhitneyu(other - (end - outside), one, method=method).pvalue
        beyond = mannwhitneyu(other - (end + outside), one, method=method).pvalue
        assert beyond <= 0.05 < inside


@pytest.mark.parametrize("count", [6, 9, 20, 41, 59, 60])
def test_an_interval_of_pairs_ends_where_a_signed_rank_test_rejects(count):
    differences = 0.3 + np.random.default_rng(count).standard_normal(count)
    shift = paired_shift(differences)
    method = "exact" if count <= 40 else "asymptotic"
    for end, outside in ((shift.low, -1e-9), (shift.high, 1e-9)):
        inside = wilcoxon(differences - (end - outside), method=method, correction=True).pvalue
        beyond = wilcoxon(differences - (end + outside), method=method, correction=True).pvalue
        assert beyond <= 0.05 < inside


@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential", "standard_cauchy"])
@pytest.mark.parametrize("count", [6, 15, 50])
def test_intervals_hold_the_truth_in_95_of_100_cases(draw, count):
    rng = np.random.default_rng(count)
    held = np.zeros(3)
    for _ in range(400):
        a, b = (getattr(rng, draw)(count) for _ in range(2))
        thirds = [(a[i::3] + 10 * i, b[i::3] + 10 * i) for i in range(3)]
        shifts = paired_shift(b - a), blocked_shift([(a, b)]), blocked_shift(thirds)
        held += [each.low <= 0 <= each.high for each in shifts]

    assert (held / 400 >= 0.92).all()
    assert (held[:2] / 400 <= 0.99).all()


@given(VALUES, VALUES)
def test_swapping_the_samples_negates_the_shift(a, b):
    shift, swapped = blocked_shift([(a, b)]), blocked_shift([(b, a)])
    assert (swapped.estimate, swapped.low, swapped.high) == (
        -shift.estimate,
        -shift.high,
        -shift.low,
    )


@given(VALUES)
def test_negating_the_differences_of_pairs_negates_their_shift(differences):
    shift, swapped = paired_shift(differences), paired_shift(-differences)
    assert (swapped.estimate, swapped.low, swapped.high) == (
        -shift.estimate,
        -shift.high,
        -shift.low,
    )


@given(VALUES, VALUES, st.sampled_from(["higher", "lower"]), st.floats(0, 100))
def test_swapping_the_samples_swaps_worse_and_better(a, b, better, margin):
    found = verdict(blocked_shift([(a, b)]), margin, better)
    swapped = verdict(blocked_shift([(b, a)]), margin, better)
    assert swapped == MIRROR.get(found, found)


@given(VALUES, VALUES, st.floats(0, 100))
def test_reversing_the_direction_swaps_worse_and_better(a, b, margin):
    shift = blocked_shift([(a, b)])
    found = verdict(shift, margin, "higher")
    assert verdict(shift, margin, "lower") == MIRROR.get(found, found)
    without = verdict(shift, margin, "")
    assert without == (CHANGED if found in MIRROR else found)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "expected"),
    [
        (-0.05, -0.06, -0.03, WORSE),
        (-0.05, -0.09, -0.001, WORSE),
        (-0.015, -0.03, -0.001, INCONCLUSIVE),
        (-0.05, -0.1, 0.001, INCONCLUSIVE),
        (-0.01, -0.02, -0.001, EQUIVALENT),
        (0.0, -0.02, 0.02, EQUIVALENT),
        (0.0, -0.02, 0.021, INCONCLUSIVE),
        (0.03, 0.001, 0.05, BETTER),
        (-0.05, -math.inf, math.inf, INCONCLUSIVE),
    ],
)
def test_verdicts_follow_from_interval_and_margin(estimate, low, high, expected):
    assert verdict(Shift(estimate, low, high, 8), 0.02, "higher") == expected


def test_half_of_the_interval_could_have_been_seen_but_nothing_within_the_margin():
    assert smallest_visible(Shift(0.0, -0.1, 0.3, 8), 0.02) == pytest.approx(0.2)
    assert smallest_visible(Shift(0.0, -0.001, 0.001, 8), 0.02) == 0.02


def test_half_the_width_needs_four_times_the_runs():
    assert more_needed(Shift(0.0, -0.04, 0.04, 8), 0.02) == 24
    assert more_needed(Shift(0.05, -0.05, 0.15, 8), 0.02) == 24


def test_without_an_interval_nobody_can_say_how_many_runs_would_tell():
    assert more_needed(Shift(0.05, -math.inf, math.inf, 2), 0.02) is None
    assert more_needed(Shift(0.0, -1.0, 1.0, 8), 0.0) is None
