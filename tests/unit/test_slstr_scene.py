"""Scenes are plausible: clouds are cold and bright, and no single channel gives them away."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.slstr.clouds import CLOUDY, draw_clouds
from workloads.slstr.flags import mistaken
from workloads.slstr.product import BAYES, CONFIDENCE, SOLAR_CHANNELS, Grid, is_scene_name
from workloads.slstr.radiative import (
    WAVELENGTH,
    brightness_temperature,
    planck,
    solar,
    thermal,
)
from workloads.slstr.scene import NIGHT_EVERY, doubled, draw_scene, is_night

GRID = Grid(96, 128)
DAYS = [number for number in range(48) if not is_night(number)]


@pytest.fixture(scope="module")
def days():
    return [draw_scene(1, number, GRID) for number in DAYS]


@pytest.fixture(scope="module")
def night():
    return draw_scene(1, NIGHT_EVERY - 1, GRID)


def filled_values(scenes, channel):
    """All filled pixels' values of one channel, on the 1 km grid."""
    if channel in WAVELENGTH:
        return np.concatenate([each.brightness[channel][each.viewing.filled] for each in scenes])
    return np.concatenate([reflectance(each, channel)[each.viewing.filled] for each in scenes])


def reflectance(scene, channel):
    """What a reader makes of the radiances: the mean of four, over the mean irradiance."""
    rows, columns = scene.viewing.filled.shape
    mean = scene.radiance[channel].reshape(rows, 2, columns, 2).mean(axis=(1, 3))
    return np.pi * mean / (scene.irradiance[channel].mean() * scene.viewing.sun)


def best_threshold(values, truth):
    """The share of pixels that the best threshold, in either direction, puts right."""
    cloudy_first = truth[np.argsort(values, kind="stable")]
    right = np.concatenate([[0], np.cumsum(np.where(cloudy_first, 1, -1))]) + (~truth).sum()
    return max(right.max(), truth.size - right.min()) / truth.size


@pytest.mark.parametrize("channel", [*SOLAR_CHANNELS, *WAVELENGTH])
def test_no_threshold_on_a_channel_is_right_for_more_than_85_percent(days, channel):
    truth = np.concatenate([each.clouds.truth[each.viewing.filled] for each in days])
    assert best_threshold(filled_values(days, channel), truth) <= 0.85


def test_the_search_for_thresholds_finds_what_separates():
    truth = np.array([False, True, True, False, True])
    assert best_threshold(np.array([0, 5, 6, 1, 7]), truth) == 1.0
    assert best_threshold(np.array([9, 1, 2, 8, 3]), truth) == 1.0
    assert best_threshold(np.zeros(4), np.array([True, True, True, False])) >= 0.75


def test_neither_cloud_nor_clear_sky_is_rare(days):
    cover = np.mean([each.clouds.truth.mean() for each in days])
    assert 0.4 < cover < 0.7


def test_clouds_are_of_every_thickness(days):
    depth = np.concatenate([each.clouds.depth[each.clouds.truth] for each in days])
    assert (depth < 1.0).mean() > 0.2
    assert (depth > 8.0).mean() > 0.1


def test_every_fourth_scene_is_by_night_and_has_no_radiances(night):
    assert [number for number in range(12) if is_night(number)] == [3, 7, 11]
    assert night.night
    assert night.radiance == {}
    assert (night.viewing.sun < 0.0).all()
    assert not (night.confidence & CONFIDENCE["day"]).any()


def without_clouds(clouds):
    return dataclasses.replace(clouds, low=0 * clouds.low, high=0 * clouds.high)


def test_thick_clouds_are_colder_and_brighter_than_the_warm_dark_sea(days):
    pixels = 0
    for scene in days:
        warm = ~scene.surface.land & (scene.surface.temperature > 285.0)
        thick = warm & (scene.viewing.facet < 0.9) & (scene.clouds.depth > 8.0)
        pixels += thick.sum()
        seen, bare = (
            thermal(scene.surface, clouds, scene.viewing)
            | {"refs": solar(scene.surface, clouds, scene.viewing)}
            for clouds in (scene.clouds, without_clouds(scene.clouds))
        )
        for channel in ("S8", "S9"):
            assert (seen[channel][thick] < bare[channel][thick] - 1.0).all()
        for channel in ("S1", "S2", "S3", "S5"):
            assert (seen["refs"][channel][thick] > bare["refs"][channel][thick] + 0.1).all()
    assert pixels > 1000


def test_only_high_cloud_is_seen_at_1375_nanometres(days):
    scene = max(days, key=lambda each: float(each.surface.vapour.mean()))
    seen = {}
    for layer in ("low", "high"):
        alone = dataclasses.replace(
            without_clouds(scene.clouds), **{layer: 0 * scene.clouds.low + 5}
        )
        seen[layer] = solar(scene.surface, alone, scene.viewing)["S4"].mean()
    assert seen["high"] > 0.2
    assert seen["low"] < 0.02


def test_s7_has_sunlight_by_day_and_none_by_night(days, night):
    for scene, lit in ((days[0], True), (night, False)):
        seen = thermal(scene.surface, scene.clouds, scene.viewing)
        dark = dataclasses.replace(scene.viewing, sun=-np.abs(scene.viewing.sun))
        unlit = thermal(scene.surface, scene.clouds, dark)
        assert (seen["S7"] > unlit["S7"] + 0.5).any() == lit
        assert np.array_equal(seen["S8"], unlit["S8"])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(190.0, 340.0), st.sampled_from(sorted(WAVELENGTH)))
def test_brightness_temperature_inverts_plancks_law(temperature, channel):
    radiance = planck(WAVELENGTH[channel], np.array([temperature], np.float32))
    back = brightness_temperature(WAVELENGTH[channel], radiance)
    assert back == pytest.approx(temperature, abs=0.01)


def test_plancks_law_gives_the_known_radiance_at_300_kelvin_and_11_micrometres():
    # By hand: 1.191043e8 / 11^5 / (exp(14387.77 / 3300) - 1).
    assert planck(11.0, np.array([300.0])) == pytest.approx(9.573, abs=0.01)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.floats(0.0, 0.3))
def test_a_mask_errs_at_exactly_the_rate_that_is_set(seed, rate):
    rng = np.random.default_rng(seed)
    clouds = draw_clouds(rng, 40, 50)
    filled = np.ones((40, 50), bool)
    filled[:, :3] = False
    wrong, _ = mistaken(rng, clouds, filled, rate)
    assert wrong.sum() == round(rate * filled.sum())
    assert not wrong[~filled].any()


def test_both_masks_of_the_product_err_at_the_set_rate_and_not_together(days):
    for scene in days:
        filled, truth = scene.viewing.filled, scene.clouds.truth
        bayes = (scene.bayes & BAYES["single_moderate"] > 0) != truth
        summary = (scene.confidence & CONFIDENCE["summary_cloud"] > 0) != truth
        assert bayes[filled].mean() == pytest.approx(0.04, abs=0.001)
        assert summary[filled].mean() == pytest.approx(0.04, abs=0.001)
        assert not np.array_equal(bayes, summary)
        assert np.array_equal(scene.cloud > 0, scene.confidence & CONFIDENCE["summary_cloud"] > 0)


def test_errors_come_in_patches_and_at_thin_cloud(days):
    wrong = np.stack([(s.bayes & BAYES["single_moderate"] > 0) != s.clouds.truth for s in days])
    filled = np.stack([each.viewing.filled for each in days])
    wrong &= filled
    together = (wrong[:, 1:] & wrong[:, :-1]).sum() / wrong[:, 1:].sum()
    assert together > 5 * 0.04
    depth = np.stack([each.clouds.depth for each in days])
    thin = filled & (depth > 0.5 * CLOUDY) & (depth < 2.0 * CLOUDY)
    assert wrong[thin].mean() > 2.0 * wrong[filled & ~thin].mean()


def test_the_cautious_threshold_calls_more_cloud_than_the_moderate_one(days):
    scene = days[0]
    low, moderate = (scene.bayes & BAYES[name] > 0 for name in ("single_low", "single_moderate"))
    assert (low >= moderate).all()
    assert (low & ~moderate).any()
    assert np.array_equal(scene.probability > 0, moderate)


def test_unfilled_pixels_have_that_flag_alone(days):
    for scene in days:
        unfilled = ~scene.viewing.filled
        assert (scene.confidence[unfilled] == CONFIDENCE["unfilled"]).all()
        assert not (scene.confidence[~unfilled] & CONFIDENCE["unfilled"]).any()
        assert not scene.bayes[unfilled].any()


def test_scenes_have_names_of_the_product(days):
    assert all(is_scene_name(each.name) for each in days)
    assert len({each.name for each in days}) == len(days)


def test_the_mean_of_four_fine_pixels_is_near_the_coarse_one():
    rows, columns = np.indices((12, 9), dtype=np.float32)
    field = 2.0 * rows + columns
    fine = doubled(field)
    assert fine.shape == (24, 18)
    mean = fine.reshape(12, 2, 9, 2).mean(axis=(1, 3))
    assert mean[1:-1, 1:-1] == pytest.approx(field[1:-1, 1:-1])


def test_all_values_are_finite_and_in_range(days, night):
    for scene in [*days, night]:
        for values in scene.brightness.values():
            assert ((values > 180.0) & (values < 345.0)).all()
        for channel in scene.radiance:
            values = reflectance(scene, channel)
            assert ((values >= 0.0) & (values < 2.0)).all()
        sea = scene.surface.sea_temperature
        assert np.array_equal(np.isnan(sea), scene.surface.land)
