"""What holds for every series: units, directions and one more quiet night change no verdict."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perflogs.statistics.judge import judge
from perflogs.statistics.judgement import Judgement

FINDINGS = ("regression", "improvement", "change")


@st.composite
def series(draw):
    """Up to four levels of noisy runs, some of them far out; positive."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scatter = draw(st.sampled_from([0.0, 0.001, 0.02, 0.1]))
    levels = draw(st.lists(st.floats(0.7, 1.3), min_size=1, max_size=4))
    nights = [draw(st.integers(1, 40)) for _ in levels]
    values = np.repeat(levels, nights) * np.exp(scatter * random.standard_normal(sum(nights)))
    outliers = random.random(values.size) < draw(st.sampled_from([0.0, 0.05]))
    return np.where(outliers, values * random.uniform(0.7, 1.0, values.size), values)


def verdict(values, better="higher", comparison="relative"):
    return judge(values, [""] * len(values), better, comparison)


def shape(judgement):
    """What is left of a judgement without its levels."""
    findings = [getattr(judgement, name) for name in FINDINGS]
    return (
        [(segment.start, segment.stop, segment.accepted) for segment in judgement.segments],
        [finding and finding.start for finding in findings],
        judgement.suspect and judgement.suspect.run,
    )


def differences(judgement):
    """All figures that do not depend on the unit of a relative series."""
    findings = [getattr(judgement, name) for name in FINDINGS]
    return [
        *[segment.scatter for segment in judgement.segments],
        *[
            figure
            for finding in findings
            if finding
            for figure in (finding.difference, finding.low, finding.high, finding.confidence)
        ],
        *([judgement.suspect.difference, judgement.suspect.score] if judgement.suspect else []),
    ]


@settings(max_examples=150, deadline=None)
@given(series(), st.floats(1e-6, 1e6))
def test_the_unit_of_a_relative_series_changes_nothing(values, factor):
    one, other = verdict(values), verdict(values * factor)
    assert shape(one) == shape(other)
    assert differences(one) == pytest.approx(differences(other), rel=1e-5, abs=1e-8)
    assert [segment.level * factor for segment in one.segments] == pytest.approx(
        [segment.level for segment in other.segments], rel=1e-6
    )


@settings(max_examples=150, deadline=None)
@given(series(), st.floats(-1e3, 1e3))
def test_the_zero_of_an_absolute_series_changes_nothing(values, offset):
    one = verdict(values, comparison="absolute")
    other = verdict(values + offset, comparison="absolute")
    assert shape(one) == shape(other)
    assert differences(one) == pytest.approx(differences(other), rel=1e-5, abs=1e-8)
    assert [segment.level + offset for segment in one.segments] == pytest.approx(
        [segment.level for segment in other.segments], rel=1e-6
    )


@settings(max_examples=150, deadline=None)
@given(series())
def test_a_rate_and_its_time_are_judged_alike(values):
    rate, time = verdict(values), verdict(1 / values, "lower")
    assert shape(rate) == shape(time)
    for name in FINDINGS:
        one, other = getattr(rate, name), getattr(time, name)
        if one:
            assert 1 + one.difference == pytest.approx(1 / (1 + other.difference), rel=1e-6)
            assert 1 + one.low == pytest.approx(1 / (1 + other.high), rel=1e-6)


@settings(max_examples=150, deadline=None)
@given(series(), st.sampled_from(["relative", "absolute"]))
def test_the_other_direction_swaps_regression_and_improvement(values, comparison):
    higher, lower = (verdict(values, better, comparison) for better in ("higher", "lower"))
    assert [(segment.start, segment.level) for segment in higher.segments] == [
        (segment.start, segment.level) for segment in lower.segments
    ]
    if len(higher.segments) == 2:
        for one, other in (("regression", "improvement"), ("improvement", "regression")):
            worse, better = getattr(higher, one), getattr(lower, other)
            assert (worse and worse.difference) == (better and better.difference)
    if len(higher.segments) > 1:
        assert (higher.improvement is None) != (lower.improvement is None)
    mirrored = verdict(-values, "lower", "absolute")
    assert shape(mirrored) == shape(verdict(values, "higher", "absolute"))


@settings(max_examples=150, deadline=None)
@given(series(), st.sampled_from(["higher", "lower", "equal", ""]))
def test_segments_are_the_series_cut_into_threes_or_more(values, better):
    judgement = verdict(values, better)
    assert judgement.segments[0].start == 0
    assert judgement.current.stop == values.size
    for one, other in pairwise(judgement.segments):
        assert one.stop == other.start
    if len(judgement.segments) > 1:
        assert min(segment.stop - segment.start for segment in judgement.segments) >= 3
    assert judgement.segments[0].accepted


@settings(max_examples=150, deadline=None)
@given(series(), st.sampled_from(["higher", "lower"]), st.sampled_from(["relative", "absolute"]))
def test_findings_are_consistent_with_the_segments(values, better, comparison):
    judgement = verdict(values, better, comparison)
    sign = 1 if better == "higher" else -1
    assert (judgement.regression is None) == judgement.current.accepted
    assert judgement.change is None
    if judgement.regression:
        assert judgement.regression.difference * sign < 0
        assert judgement.regression.before.accepted
        assert judgement.regression.after == judgement.current
    if judgement.improvement:
        assert judgement.improvement.difference * sign > 0
        assert judgement.improvement.after == judgement.current
    for finding in filter(None, (judgement.regression, judgement.improvement)):
        assert finding.start <= values.size - 3
        assert finding.low <= finding.difference <= finding.high
        assert 0 <= finding.confidence <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.3), st.integers(1, 60))
def test_more_nights_of_the_same_leave_a_finding_as_it_is(seed, loss, more):
    random = np.random.default_rng(seed)
    values = 1 + 0.005 * np.clip(random.standard_normal(160), -2, 2)
    values[80:] *= 1 - loss
    first, later = verdict(values[:100]).regression, verdict(values[: 100 + more]).regression
    assume(first is not None)
    assert later.start == first.start == 80
    assert later.difference == pytest.approx(first.difference, abs=0.005)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), max_size=30), st.sampled_from(["relative", "absolute"]))
def test_no_series_makes_the_verdict_fail(values, comparison):
    for better in ("higher", "lower", "equal", ""):
        assert isinstance(verdict(np.array(values), better, comparison), Judgement)


@pytest.mark.parametrize("comparison", ["relative", "absolute"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("garbled", [[1e300] * 5, [1e300], [1e300, 1e-300] * 3])
def test_neither_do_figures_at_the_ends_of_what_a_number_can_be(garbled, sign, comparison):
    values = [*[1e-300] * 20, *(sign * each for each in garbled)]
    for better in ("higher", "lower", "equal", ""):
        assert isinstance(verdict(np.array(values), better, comparison), Judgement)
