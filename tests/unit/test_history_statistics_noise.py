"""What verdicts are made of: yardsticks, the scale and the memory of noise, levels and evidence."""

import numpy as np
import pytest

from perflogs.statistics import analysis
from perflogs.statistics.confirmation import (
    FAR,
    FARTHEST,
    confirmed,
    critical,
    evidence,
    residuals,
)
from perflogs.statistics.noise import (
    CLIP_LEVEL,
    autocorrelation,
    inflation,
    level,
    log_likelihood,
    scale,
)
from perflogs.statistics.segmentation import PENALTY
from perflogs.statistics.yardstick import yardstick

NIGHTS = 4_000


def gaussian(nights=NIGHTS, seed=0):
    return np.random.default_rng(seed).standard_normal(nights)


def autocorrelated(memory, nights=NIGHTS):
    values = gaussian(nights)
    for night in range(1, nights):
        values[night] = memory * values[night - 1] + np.sqrt(1 - memory**2) * values[night]
    return values


@pytest.mark.parametrize("values", [[2.0, 4.0, 8.0], [-2.0, 4.0, 8.0], [0.0, 4.0, 4.0], [0.0]])
@pytest.mark.parametrize("comparison", ["relative", "absolute"])
def test_positions_lead_back_to_values(values, comparison):
    values = np.array(values)
    stick = yardstick(values, "higher", comparison)
    assert [stick.value(position) for position in stick.positions(values)] == pytest.approx(values)


def test_a_relative_difference_is_a_fraction_of_before_and_an_absolute_one_is_in_the_unit():
    values = np.array([50.0, 40.0])
    for comparison, difference in (("relative", -0.2), ("absolute", -10.0)):
        stick = yardstick(values, "higher", comparison)
        before, after = stick.positions(values)
        assert stick.difference(before, after - before) == pytest.approx(difference)
    through_zero = yardstick(np.array([-50.0, -40.0]), "higher", "relative")
    assert through_zero.difference(-1.0, 0.2) == pytest.approx(0.2)
    assert through_zero.difference(0.0, 0.2) == np.inf


def test_without_logarithms_values_are_measured_by_their_usual_magnitude():
    values = np.array([0.0, 2.0, 2.0, -2.0, 100.0])
    assert yardstick(values, "higher", "relative").unit == 2.0
    assert yardstick(np.zeros(3), "higher", "relative").unit == 1.0


def test_halving_a_rate_is_as_far_as_doubling_it():
    down, middle, up = yardstick(np.array([1.0, 2.0, 4.0]), "higher", "relative").positions(
        np.array([1.0, 2.0, 4.0])
    )
    assert middle - down == pytest.approx(up - middle)


def test_the_scale_of_noise_is_its_standard_deviation_whatever_the_steps_and_slow_nights():
    noise = gaussian()
    assert scale(noise, 0.0) == pytest.approx(1, rel=0.05)
    noise[2_000:] += 50
    noise[::40] -= 10
    assert scale(noise, 0.0) == pytest.approx(1, rel=0.12)


def test_the_scale_is_at_least_a_quarter_of_the_smallest_change_that_counts():
    assert scale(np.ones(50), 0.02) == 0.005
    assert scale(np.ones(2), 0.02) == 0.005
    assert scale(np.ones(0), 0.02) == 0.005


@pytest.mark.parametrize("memory", [0.0, 0.3, 0.5, 0.8])
def test_the_memory_of_noise_is_found(memory):
    noise = autocorrelated(memory)
    assert autocorrelation(noise, scale(noise, 0.0)) == pytest.approx(memory, abs=0.06)


def test_neither_steps_nor_slow_nights_nor_alternation_are_memory():
    noise = gaussian()
    noise[1_000:] += 20
    noise[::40] -= 10
    assert autocorrelation(noise, 1.0) < 0.06
    assert autocorrelation(np.resize([1.0, -1.0], 100), 1.0) == 0.0
    assert autocorrelation(np.r_[np.zeros(20), np.ones(20)], 0.01) == 0.0
    assert autocorrelation(np.zeros(1), 0.01) == 0.0


@pytest.mark.parametrize(("memory", "least"), [(0.0, 1.0), (0.6, 2.5)])
def test_cuts_cost_more_where_noise_has_memory(monkeypatch, memory, least):
    penalties = []

    def segment(places, penalty):
        penalties.append(penalty / PENALTY)
        return [0, places.size]

    monkeypatch.setattr(analysis, "segment", segment)
    analysis.analyse(100 + autocorrelated(memory), [""] * NIGHTS, "", "absolute")
    assert least <= penalties[0] < 1.3 * (1 + memory) / (1 - memory)


def test_memory_raises_the_variance_of_a_mean():
    assert inflation(0.0) == 1.0
    assert inflation(0.5) == pytest.approx(3.0)


def test_a_level_is_a_mean_that_slow_nights_hardly_move():
    noise = gaussian(100)
    assert level(noise, 1.0) == pytest.approx(noise.mean(), abs=0.1)
    assert level(np.r_[noise, -50.0, -50.0], 1.0) == pytest.approx(level(noise, 1.0), abs=0.05)
    assert level(np.array([0.0, 1.0]), 0.001) == pytest.approx(0.5)


def test_a_level_is_where_runs_pull_as_much_to_either_side():
    values = np.random.default_rng(0).exponential(1, 200)
    place = level(values, 0.7)
    pulls = np.clip(values - place, -0.7 * CLIP_LEVEL, 0.7 * CLIP_LEVEL)
    assert pulls.mean() == pytest.approx(0, abs=1e-9)
    assert abs(place - np.median(values)) > 0.1


def test_residuals_that_come_back_explain_each_other():
    alike, apart = np.repeat([0.0, 9.0], 20), np.linspace(0, 60, 40)
    assert log_likelihood(alike, 1.0) > log_likelihood(apart, 1.0)


def test_evidence_amid_gaussian_noise_is_nearly_the_distance_in_standard_errors():
    positions = gaussian(400)
    for start, distance in ((300, 1.0), (350, 1.0), (200, 0.5)):
        moved = positions + np.where(np.arange(400) < start, 0, distance)
        strays = residuals(moved, [0, start, 400], 1.0)
        groups = (slice(0, start), slice(start, 400))
        apart = moved[start:].mean() - moved[:start].mean()
        errors = apart / np.sqrt(1 / start + 1 / (400 - start))
        found = evidence(moved, strays, groups, 1.0, 1.0)
        assert 0.7 * errors < found < 1.05 * errors
        assert evidence(moved, strays, groups, 1.0, 4.0) == pytest.approx(found / 2)


def test_three_slow_nights_say_less_where_slow_nights_are_common():
    def says(slow):
        positions = gaussian(150)
        positions[slow] = -8.0
        positions[-3:] = [-8.0, -8.2, -7.8]
        strays = residuals(positions, [0, 147, 150], 1.0)
        return evidence(positions, strays, (slice(0, 147), slice(147, 150)), 1.0, 1.0)

    assert says([]) > says([20, 40]) > says([20, 40, 60, 80, 100, 120])


def odds(distance, stray=0.0, noise=1.0):
    """The logarithm of the odds that the last three of sixty runs are at another level, so many
    standard deviations away; one of the others strayed."""
    positions = noise * gaussian(60)
    positions[10] = stray
    positions[-3:] += distance
    strays = residuals(positions, [0, 57, 60], 1.0)
    return evidence(positions, strays, (slice(0, 57), slice(57, 60)), 1.0, 1.0) ** 2 / 2


def test_far_away_the_odds_for_a_change_grow_with_its_distance_and_farther_no_more():
    # From here on nothing else grows: the two levels are nowhere near each other.
    far = 3 * FAR
    near = odds(far)
    for factor in (2, 5):
        assert odds(factor * far) - near == pytest.approx(np.log(factor), abs=0.05)
    assert odds(2 * FARTHEST) == odds(1.1 * FARTHEST)
    assert odds(2 * FARTHEST) - near == pytest.approx(np.log(FARTHEST / far), abs=0.05)


def test_nearby_the_distance_of_a_change_says_nothing_by_itself():
    distance = FAR / 4
    alone, with_a_stray = (odds(distance, stray, noise=0.1) for stray in (0.0, 0.6 * distance))
    assert alone == pytest.approx(with_a_stray, abs=0.5)


@pytest.mark.parametrize("direction", [1, -1])
def test_where_a_run_strayed_half_as_far_the_distance_of_a_change_says_nothing(direction):
    distance = 2 * FARTHEST
    within, beyond = (odds(distance, direction * share * distance) for share in (0.49, 0.51))
    assert within - beyond == pytest.approx(np.log(FARTHEST / FAR))
    assert odds(distance, 2 * direction * distance) == pytest.approx(beyond)


def test_a_very_new_change_and_an_old_one_need_more_evidence():
    assert critical(3) > critical(4) > critical(5) > critical(10)
    assert critical(10) < critical(20) < critical(30) < critical(40) == critical(500)


def test_the_least_of_all_differences_is_removed_first():
    positions = 0.1 * gaussian(80)
    positions[40:] += 10
    assert confirmed(positions, [0, 20, 40, 60, 80], 0.5, 0.1, 1.0) == [0, 40, 80]
    assert confirmed(positions, [0, 40, 80], 11.0, 0.1, 1.0) == [0, 80]
    assert confirmed(positions, [0, 80], 11.0, 0.1, 1.0) == [0, 80]
