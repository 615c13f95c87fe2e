"""Reference value and bounds from runs: as many new runs miss them as asked for, and no more."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from perflogs.statistics.bounds import (
    EQUAL_FLOOR,
    FEWEST_RUNS,
    FLOOR,
    Bounds,
    CannotBound,
    bounds,
    qn,
    reach,
)

RATE = 0.001
levels = st.floats(1e-3, 1e9)
noises = st.lists(st.floats(-0.05, 0.05), min_size=FEWEST_RUNS, max_size=40)


def test_a_prediction_interval_by_hand():
    """Ten runs: t(0.9, 6.3) is 1.43, and the median of ten adds π / 20 to the variance."""
    values = np.array([98.0, 99, 99, 100, 100, 100, 101, 101, 102, 100])
    # 15 of the 45 differences are the greatest of the smallest ones: the 15th is 1.
    assert qn(values) == pytest.approx(2.21914 * 10 / 13.8)
    expected = stats.t.ppf(0.9, 6.3) * qn(values) * math.sqrt(1 + math.pi / 20)
    assert reach(values, 0.1) == pytest.approx(expected)
    assert bounds(values, "higher", 0.1).lower == pytest.approx(-expected / 100, rel=1e-2)


@pytest.mark.parametrize("runs", [10, 20, 60])
@pytest.mark.parametrize("rate", [0.01, 0.001])
def test_new_runs_miss_the_bound_as_often_as_was_chosen(runs, rate):
    generator = np.random.default_rng(7)
    missed = []
    for values in generator.normal(100, 5, (1500, runs)):
        threshold = np.median(values) - reach(values, rate)
        missed.append(stats.norm.cdf(threshold, 100, 5))
    assert 0.6 * rate < np.mean(missed) < 1.6 * rate


def test_a_few_slow_nights_do_not_widen_the_bound_much():
    values = np.random.default_rng(3).normal(100, 2, 100)
    with_outliers = values.copy()
    with_outliers[::33] *= 0.8
    assert reach(with_outliers, RATE) < 1.15 * reach(values, RATE)


def test_of_a_great_many_runs_the_scatter_is_that_of_all():
    values = np.random.default_rng(0).normal(0, 3, 100_000)
    assert qn(values) == pytest.approx(3, rel=0.02)
    assert qn(np.sort(values)) == qn(values)


def test_qn_is_the_standard_deviation_of_normal_noise():
    generator = np.random.default_rng(5)
    for runs in (10, 11, 50):
        found = np.mean([qn(generator.normal(0, 3, runs)) for _ in range(1500)])
        assert found == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize(
    ("better", "lower", "upper"), [("higher", -0.01, None), ("lower", None, 0.01)]
)
def test_runs_that_never_varied_have_a_bound_on_the_worse_side_alone(better, lower, upper):
    assert bounds(np.full(20, 80.0), better, RATE) == Bounds(80.0, lower, upper)


def test_what_must_not_change_has_bounds_on_both_sides_and_all_its_digits():
    value = 0.693147182464599
    assert bounds(np.full(20, value), "equal", RATE) == Bounds(value, -EQUAL_FLOOR, EQUAL_FLOOR)


def test_the_rate_is_shared_by_two_bounds():
    values = np.random.default_rng(2).normal(100, 5, 30)
    assert -bounds(values, "equal", 0.02).lower == pytest.approx(
        -bounds(values, "higher", 0.01).lower, rel=0.02
    )


def test_too_few_runs_have_no_bounds():
    with pytest.raises(CannotBound, match="9 runs, and 10 are needed"):
        bounds(np.full(9, 1.0), "higher", RATE)


def test_a_median_of_zero_has_no_bounds():
    with pytest.raises(CannotBound, match="0"):
        bounds(np.zeros(20), "lower", RATE)


def test_scatter_wider_than_the_value_has_no_lower_bound():
    values = np.random.default_rng(1).normal(0.5, 1, 30)
    with pytest.raises(CannotBound, match="wider than its value"):
        bounds(values, "higher", RATE)


def test_a_negative_value_has_no_upper_bound_beyond_zero():
    values = np.random.default_rng(1).normal(-0.5, 1, 30)
    with pytest.raises(CannotBound, match="wider than its value"):
        bounds(values, "lower", RATE)
    # A positive value may have one that is as wide as it likes.
    assert bounds(-values, "lower", RATE).upper > 1


def test_two_levels_in_turns_are_not_described_by_bounds():
    values = np.where(np.arange(40) % 3 == 0, 80.0, 100.0)
    with pytest.raises(CannotBound, match=r"14 of its own 40 runs .* several levels"):
        bounds(values, "higher", RATE)


def test_a_negative_value_is_bounded_on_its_worse_side():
    values = np.random.default_rng(4).normal(-10, 0.5, 30)
    found = bounds(values, "higher", RATE)
    assert found.least < values.min() < found.value < 0
    assert found.greatest == math.inf


@given(levels, noises, st.sampled_from(["higher", "lower", "equal"]))
def test_rounding_never_loosens(level, noise, better):
    values = level * (1 + np.array(noise))
    try:
        found = bounds(values, better, 0.01)
    except CannotBound:
        return
    median = float(np.median(values))
    width = max(
        reach(values, 0.005 if better == "equal" else 0.01),
        (EQUAL_FLOOR if better == "equal" else FLOOR) * median,
    )
    assert found.lower is None or found.least >= (median - width) * (1 - 1e-9)
    assert found.upper is None or found.greatest <= (median + width) * (1 + 1e-9)
    assert better == "equal" or found.value == float(f"{found.value:.6g}")


@given(levels, noises)
def test_the_unit_of_a_metric_changes_no_bound(level, noise):
    values = level * (1 + np.array(noise))
    try:
        found, scaled = (bounds(each, "higher", 0.01) for each in (values, 1024 * values))
    except CannotBound:
        return
    assert scaled.lower == pytest.approx(found.lower, rel=2e-2)
    assert scaled.value == pytest.approx(1024 * found.value, rel=1e-5)


@given(levels, noises)
def test_reversing_the_direction_mirrors_the_bound(level, noise):
    values = level * (1 + np.array(noise))
    try:
        found = bounds(values, "higher", 0.01)
    except CannotBound:
        return
    mirrored = bounds(-values, "lower", 0.01)
    assert mirrored == Bounds(-found.value, None, -found.lower)
