"""Verdicts on series that one can check by eye."""

import numpy as np
import pytest

from perflogs.statistics.judge import judge
from perflogs.statistics.judgement import Judgement

#: Noise of about 1 %, always the same: in any order, of any nine the median is 1.
NINE = 1 + 0.01 * np.array([0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 0.25, -0.25])


def verdict(values, better="higher", comparison="relative"):
    return judge(np.array(values, dtype=np.float64), [""] * len(values), better, comparison)


def noisy(level, nights):
    return list(level * np.resize(NINE, nights))


def is_quiet(judgement):
    return (
        judgement.regression is judgement.improvement is judgement.change is None
        and len(judgement.segments) <= 1
    )


def test_of_nothing_nothing_is_said():
    assert verdict([]) == Judgement(())
    assert verdict([]).current is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("comparison", ["relative", "absolute"])
def test_a_handful_of_runs_raises_no_alert(count, comparison):
    judgement = verdict([1.0, 2.0, 0.5, 3.0, 0.1][:count], comparison=comparison)
    assert is_quiet(judgement)
    assert judgement.suspect is None
    assert (judgement.current.start, judgement.current.stop) == (0, count)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e-300, 1e300])
@pytest.mark.parametrize("better", ["higher", "lower", "equal", ""])
@pytest.mark.parametrize("comparison", ["relative", "absolute"])
def test_a_constant_series_raises_no_alert(value, better, comparison):
    judgement = verdict([value] * 60, better, comparison)
    assert is_quiet(judgement)
    assert judgement.suspect is None
    assert judgement.current.level == pytest.approx(value)


def test_a_step_of_ten_percent_is_a_regression_since_its_first_night():
    regression = verdict(noisy(100.0, 40) + noisy(90.0, 9)).regression
    assert regression.start == 40
    assert regression.before.level == pytest.approx(100.0, rel=2e-3)
    assert regression.after.level == pytest.approx(90.0, rel=2e-3)
    assert regression.difference == pytest.approx(-0.1, abs=3e-3)
    assert regression.low < -0.1 < regression.high < -0.09
    assert regression.confidence > 0.999
    assert regression.node == ""


def test_the_same_step_up_is_an_improvement():
    judgement = verdict(noisy(90.0, 40) + noisy(100.0, 9))
    assert judgement.regression is None
    assert judgement.improvement.start == 40
    assert judgement.improvement.difference == pytest.approx(1 / 9, abs=3e-3)
    assert all(segment.accepted for segment in judgement.segments)


def test_for_a_time_more_is_worse():
    judgement = verdict(noisy(90.0, 40) + noisy(100.0, 9), better="lower")
    assert judgement.regression.difference == pytest.approx(1 / 9, abs=3e-3)
    assert judgement.improvement is None
    assert [segment.accepted for segment in judgement.segments] == [True, False]


@pytest.mark.parametrize("better", ["", "equal"])
def test_where_no_direction_is_better_a_step_is_a_change(better):
    judgement = verdict(noisy(100.0, 40) + noisy(90.0, 9), better)
    assert judgement.change.start == 40
    assert judgement.regression is None
    assert judgement.improvement is None


def test_a_step_back_ends_the_regression():
    judgement = verdict(noisy(100.0, 40) + noisy(90.0, 20) + noisy(100.0, 20))
    assert judgement.regression is None
    assert judgement.improvement.start == 60
    assert [segment.accepted for segment in judgement.segments] == [True, False, True]


def test_half_a_step_back_leaves_the_regression_with_its_first_night():
    judgement = verdict(noisy(100.0, 40) + noisy(80.0, 20) + noisy(90.0, 20))
    assert judgement.regression.start == 40
    assert judgement.regression.difference == pytest.approx(-0.1, abs=3e-3)
    assert judgement.improvement.start == 60


def test_a_regression_stands_until_the_level_is_back():
    values = noisy(100.0, 60) + noisy(70.0, 20)
    for nights in range(4, 9):
        judgement = verdict(values + noisy(97.0, nights))
        assert judgement.regression.start == 60
        assert verdict(values + noisy(99.5, nights)).regression is None


def test_a_regression_that_gets_worse_is_a_new_one():
    judgement = verdict(noisy(100.0, 40) + noisy(90.0, 20) + noisy(80.0, 20))
    assert judgement.regression.start == 60
    assert judgement.regression.difference == pytest.approx(-0.2, abs=3e-3)
    assert judgement.regression.before.start == 0


def test_a_regression_is_measured_from_the_best_accepted_level():
    judgement = verdict(noisy(100.0, 30) + noisy(110.0, 30) + noisy(99.0, 20))
    assert judgement.regression.before.start == 30
    assert judgement.regression.difference == pytest.approx(-0.1, abs=3e-3)


def test_a_slow_loss_adds_up_to_a_regression():
    nights = np.arange(200)
    values = np.resize(NINE, 200) * (100.0 - 0.04 * nights)
    regression = verdict(values).regression
    assert regression.before.start == 0
    assert -0.08 < regression.difference < -0.02


def test_a_loss_of_less_than_counts_is_none():
    assert is_quiet(verdict([100.0] * 60 + [98.2] * 60))
    assert verdict([100.0] * 60 + [97.8] * 60).regression.start == 60
    assert is_quiet(verdict([0.95] * 60 + [0.946] * 60, comparison="absolute"))
    assert verdict([0.95] * 60 + [0.944] * 60, comparison="absolute").regression.start == 60


@pytest.mark.parametrize(("before", "needed"), [(8, 5), (20, 3), (300, 3)])
def test_an_accuracy_without_noise_that_falls_and_stays_is_found(before, needed):
    values = [0.95] * before + [0.93] * needed
    assert is_quiet(verdict(values[:-1], comparison="absolute"))
    regression = verdict(values, comparison="absolute").regression
    assert regression.start == before
    assert regression.difference == pytest.approx(-0.02, abs=1e-3)


def test_what_must_not_change_at_all_has_changed_with_the_last_digit():
    for comparison, difference in (("absolute", 1e-6), ("relative", 1e-6 / 2.302585)):
        change = verdict([2.302585] * 30 + [2.302586] * 3, "equal", comparison).change
        assert change.start == 30
        assert change.difference == pytest.approx(difference, rel=1e-2)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("better", ["higher", "equal"])
def test_a_series_that_flips_between_two_values_raises_no_alert(share, better):
    random = np.random.default_rng(3)
    for _ in range(20):
        flips = random.random(150) < share
        assert is_quiet(verdict(np.where(flips, 0.9, 1.0), better))


def test_a_single_spike_is_a_suspect_and_never_a_change():
    before, after = noisy(100.0, 45), noisy(100.0, 27)
    suspect = verdict([*before, 70.0]).suspect
    assert suspect.run == 45
    assert suspect.difference == pytest.approx(-0.3, abs=0.01)
    assert suspect.score > 10
    for nights in range(28):
        judgement = verdict([*before, 70.0, *after[:nights]])
        assert is_quiet(judgement)
        assert (judgement.suspect is not None) == (nights == 0)


def test_no_run_is_suspect_before_three_others_say_what_is_usual():
    for values in ([100.0, 100.0, 50.0], [95.0, 90.0, 86.4, 86.4], [80.4, 76.9, 69.2, 61.5]):
        assert verdict(values).suspect is None
    assert verdict([100.0, 100.0, 100.0, 50.0]).suspect.run == 3


def test_two_low_runs_together_are_suspect_where_each_alone_is_not():
    usual = noisy(100.0, 90)
    assert verdict([*usual, 97.0]).suspect is None
    suspect = verdict([*usual, 97.0, 97.0]).suspect
    assert suspect.run == 91
    assert suspect.difference == pytest.approx(-0.03, abs=3e-3)


@pytest.mark.parametrize(
    ("before", "factor", "needed"),
    [(5, 0.8, 5), (5, 0.9, 6), (10, 0.8, 4), (10, 0.9, 4), (20, 0.8, 3), (20, 0.9, 3)],
)
def test_the_farther_a_step_the_fewer_nights_confirm_it_and_until_then_it_is_suspect(
    before, factor, needed
):
    values = [level * (1 + 0.2 * (each - 1)) for level in (100.0, 100.0 * factor) for each in NINE]
    values = [*np.resize(values[:9], before), *values[9:]]
    for nights in range(1, 9):
        judgement = verdict(values[: before + nights])
        assert (judgement.regression is not None) == (nights >= needed)
        suspect = judgement.suspect
        assert (suspect is None) == (nights >= needed)
        if suspect:
            assert (suspect.start, suspect.run) == (before, before + nights - 1)
            assert suspect.usual == pytest.approx(100.0, rel=5e-3)
            assert suspect.level == pytest.approx(100.0 * factor, rel=5e-3)
            assert suspect.difference == pytest.approx(factor - 1, abs=5e-3)


def test_a_step_no_farther_than_a_night_long_ago_needs_as_many_nights_as_ever():
    values = np.r_[np.full(5, 100.0), np.full(5, 50.0)]
    assert verdict(values).regression is not None
    assert verdict(np.r_[100.0, 50.0, values]).regression is None


def test_a_night_that_strayed_half_as_far_as_a_step_makes_it_need_more_nights():
    def needed(stray):
        values = [100.0, stray, *[100.0] * 5]
        found = (n for n in range(3, 12) if verdict([*values, *[50.0] * n]).regression)
        return next(found)

    # Of rates, 71 is half as far from 100 as 50 is.
    assert needed(72.0) < needed(70.0) == needed(55.0) == needed(150.0)


def test_a_last_run_that_is_better_is_no_suspect_unless_nothing_is_better():
    assert verdict([*noisy(100.0, 45), 130.0]).suspect is None
    assert verdict([*noisy(100.0, 45), 130.0], better="").suspect.difference > 0.2


def test_a_confirmed_regression_is_not_a_suspect_too():
    assert verdict(noisy(100.0, 40) + noisy(90.0, 9)).suspect is None


def test_the_scatter_of_a_segment_is_that_of_its_runs():
    random = np.random.default_rng(0)
    values = 500 * (1 + 0.02 * random.standard_normal(300))
    assert verdict(values).current.scatter == pytest.approx(0.02, rel=0.1)
    assert verdict(values, comparison="absolute").current.scatter == pytest.approx(10, rel=0.1)


def test_relative_series_through_zero_are_judged_by_their_usual_magnitude():
    judgement = verdict([*noisy(10.0, 40), 0.0, *noisy(9.0, 12)])
    assert judgement.regression.start in {40, 41}
    assert judgement.regression.difference == pytest.approx(-0.1, abs=5e-3)
    assert verdict([0.0] * 30 + [5.0] * 5, better="lower").regression.start == 30


def test_nine_in_ten_intervals_and_more_hold_the_step():
    random = np.random.default_rng(11)
    held = []
    for _ in range(60):
        values = 1 + 0.02 * random.standard_normal(120)
        values[80:] *= 0.93
        regression = verdict(values).regression
        held.append(regression.low <= -0.07 <= regression.high)
    assert np.mean(held) >= 0.9


def test_neighbouring_runs_that_share_their_noise_widen_the_interval():
    random = np.random.default_rng(5)
    shocks = random.standard_normal(600)
    shared = np.convolve(shocks, 0.6 ** np.arange(20))[:600] * np.sqrt(1 - 0.6**2)
    widths = []
    for noise in (shocks, shared):
        values = 1 + 0.005 * noise
        values[400:] *= 0.93
        regression = verdict(values).regression
        widths.append(regression.high - regression.low)
    assert 1.3 < widths[1] / widths[0] < 2.5


@pytest.mark.parametrize("level", [0.0, 500.0, 900.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_noisy_series_that_comes_to_a_stop_stays_regressed_for_as_long_as_it_stands(level, seed):
    usual = 1000 * (1 + 0.01 * np.random.default_rng(seed).standard_normal(77))
    for nights in (5, 8, 13, 21, 34, 60):
        regression = verdict([*usual, *[level] * nights]).regression
        assert regression is not None
        assert regression.difference == pytest.approx(level / 1000 - 1, abs=0.01)


def test_the_confidence_of_a_finding_grows_with_the_runs_behind_it():
    random = np.random.default_rng(5)
    values = 1 + 0.02 * random.standard_normal(160)
    values[120:] *= 0.965
    said = [verdict(values[:nights]).regression for nights in range(123, 161)]
    found = [regression.confidence for regression in said if regression]
    assert 0.99 < found[0] < 0.99995
    assert found[-1] > 1 - 1e-6


def test_a_regression_that_is_nearly_back_may_have_no_confidence_left():
    values = [*noisy(100.0, 60), *noisy(70.0, 20), 98.5, 95.5, 98.5]
    regression = verdict(values).regression
    assert regression.start == 60
    assert 0 <= regression.confidence < 0.9
