"""Satellite against buoy: exact medians and deviations, of the right match-ups, told and drawn."""

import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from workloads.common.errors import RunFailed
from workloads.slstr.medians import median, median_absolute_deviation
from workloads.slstr.sst import compare, describe
from workloads.slstr.sst_histogram import EDGES, REACH, draw_histogram, tick_step, write_histogram
from workloads.slstr.sst_report import print_differences, write_csv

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
any_values = arrays.arrays(np.float32, st.integers(1, 60), elements=finite)
# Few different values: the middle lies among equals.
tied_values = arrays.arrays(
    np.float32, st.integers(1, 60), elements=st.sampled_from([-2.5, -0.0, 0.0, 0.1, 7.0])
)


def expected_median(values):
    return np.median(values.astype(np.float64))


def expected_deviation(values, centre):
    return np.median(np.abs(values.astype(np.float64) - centre))


@given(st.one_of(any_values, tied_values))
@settings(max_examples=300)
def test_medians_are_those_of_numpy_in_float64_to_the_last_bit(values):
    middle = median(values)
    assert middle == expected_median(values)
    assert median_absolute_deviation(values, middle) == expected_deviation(values, middle)


@pytest.mark.parametrize("number", [100_000, 100_001])
@pytest.mark.parametrize("shape", ["normal", "with cloud", "far outlier", "two values", "steps"])
def test_medians_of_many_values_are_exact(number, shape):
    rng = np.random.default_rng(number)
    values = rng.normal(0.1, 0.3, number)
    if shape == "with cloud":
        values -= rng.exponential(30, number) * (rng.random(number) < 0.6)
    elif shape == "far outlier":
        values[7] = 3e38
    elif shape == "two values":
        values = np.where(np.arange(number) < number // 2, -1.0, 2.0)
    elif shape == "steps":
        values = np.round(values, 1)
    values = values.astype(np.float32)
    middle = median(values)
    assert middle == expected_median(values)
    assert median_absolute_deviation(values, middle) == expected_deviation(values, middle)


def test_the_deviation_may_be_taken_from_any_centre():
    values = np.arange(9, dtype=np.float32)
    assert median_absolute_deviation(values, -100.0) == 104.0
    assert median_absolute_deviation(values, 100.0) == 96.0


def test_medians_leave_the_values_as_they_are():
    values = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    before = values.copy()
    median_absolute_deviation(values, median(values))
    assert np.array_equal(values, before)


def test_the_median_of_nothing_is_refused():
    nothing = np.empty(0, np.float32)
    with pytest.raises(ValueError):
        median(nothing)
    with pytest.raises(ValueError):
        median_absolute_deviation(nothing, 0.0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_have_no_median(odd):
    values = np.array([1, 2, odd, 3], np.float32)
    with pytest.raises(ValueError, match="not finite"):
        median(values)
    with pytest.raises(ValueError, match="not finite"):
        median_absolute_deviation(values, 2.0)


def test_the_robust_deviation_of_a_normal_distribution_is_its_standard_deviation():
    values = np.random.default_rng(3).normal(5.0, 2.0, 200_000).astype(np.float32)
    values[:1000] = 1e6
    described = describe(values)
    assert described.number == values.size
    assert described.median == pytest.approx(5.0, abs=0.03)
    assert described.robust_deviation == pytest.approx(2.0, rel=0.02)


@pytest.fixture
def comparison():
    """Four match-ups; both masks find the cold one, the operational mask another as well."""
    satellite = np.array([290.0, 291.5, 270.0, 289.0], np.float32)
    buoy = np.array([290.5, 291.0, 290.0, 287.0], np.float32)
    network = np.array([True, True, False, True])
    operational = np.array([True, False, False, True])
    return compare(satellite, buoy, network, operational)


def test_every_group_is_of_its_own_match_ups(comparison):
    differences = comparison.differences
    assert [each.number for each in differences.values()] == [4, 3, 2]
    assert [each.median for each in differences.values()] == [0.0, 0.5, 0.75]
    deviations = [each.robust_deviation for each in differences.values()]
    assert deviations == pytest.approx([1.4826 * each for each in (1.25, 1.0, 1.25)], rel=1e-12)
    assert comparison.values["operational"].tolist() == [-0.5, 2.0]


@pytest.mark.parametrize("cloudy", ["network", "operational"])
def test_a_mask_that_calls_nothing_clear_fails_the_run(cloudy):
    temperatures = np.full(3, 290, np.float32)
    clear = {"network": np.ones(3, bool), "operational": np.ones(3, bool)}
    clear[cloudy][:] = False
    with pytest.raises(RunFailed, match=f"none of 3 match-ups is clear by the {cloudy} mask"):
        compare(temperatures, temperatures, clear["network"], clear["operational"])


def test_the_csv_has_a_line_for_each_group(comparison, tmp_path):
    write_csv(tmp_path / "sst.csv", comparison)
    with (tmp_path / "sst.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["matchups"] for line in lines] == ["all", "network", "operational"]
    for line, difference in zip(lines, comparison.differences.values(), strict=True):
        assert int(line["number"]) == difference.number
        assert float(line["median_kelvin"]) == difference.median
        assert float(line["robust_deviation_kelvin"]) == difference.robust_deviation
    assert [path.name for path in tmp_path.iterdir()] == ["sst.csv"]


def test_the_table_names_the_groups_and_their_figures(comparison, capsys):
    print_differences(comparison)
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    words = next(line for line in printed if "network" in line)
    assert {"3", "+0.500", "1.483"} <= set(words)


COLOURS = {"all": (90, 90, 90), "network": (0, 95, 200), "operational": (225, 110, 0)}
TOP, BOTTOM, LEFT, BIN_WIDTH = 110, 570, 100, 9


def heights(picture, colour):
    """How high above the axis each bin's line of that colour is, in pixels; 0 where it is not."""
    pixels = np.asarray(picture)
    found = []
    for number in range(len(EDGES) - 1):
        column = pixels[TOP:BOTTOM, LEFT + number * BIN_WIDTH + 4]
        rows = np.flatnonzero((column == colour).all(axis=1))
        found.append(BOTTOM - TOP - rows[0] if rows.size else 0)
    return np.array(found)


def test_the_lines_of_the_histogram_are_as_high_as_the_counts():
    rng = np.random.default_rng(2)
    satellite = (290 + rng.normal(0.5, 0.8, 20_000)).astype(np.float32)
    buoy = np.full(20_000, 290, np.float32)
    network, operational = rng.random(20_000) < 0.6, rng.random(20_000) < 0.3
    drawn = compare(satellite, buoy, network, operational)
    picture = draw_histogram(drawn)
    pixels_each = None
    for group in ("operational", "network", "all"):
        counts = np.histogram(drawn.values[group], EDGES)[0]
        seen = heights(picture, COLOURS[group])
        # Where two lines meet, one hides the other: only clear steps are compared.
        told = np.flatnonzero(counts > 100)
        assert told.size > 10
        ratios = seen[told] / counts[told]
        pixels_each = np.median(ratios) if pixels_each is None else pixels_each
        assert seen[told] == pytest.approx(pixels_each * counts[told], abs=4)


def test_what_lies_beyond_the_histogram_is_still_drawn_without_error(tmp_path):
    satellite = np.full(5, 200, np.float32)
    clear = np.ones(5, bool)
    beyond = compare(satellite, satellite + np.float32(2 * REACH), clear, clear)
    write_histogram(tmp_path / "sst.png", beyond)
    with Image.open(tmp_path / "sst.png") as picture:
        assert picture.format == "PNG"
    assert [path.name for path in tmp_path.iterdir()] == ["sst.png"]


@given(st.integers(1, 10**9))
def test_ticks_are_few_and_round(largest):
    step = tick_step(largest)
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert 1 <= -(-largest // step) <= 6
    smaller = [each for each in (step // 2, step // 5) if each > 0]
    assert all(-(-largest // each) > 2 for each in smaller)
