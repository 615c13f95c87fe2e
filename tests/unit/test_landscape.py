"""A drawn photograph depends on seed and index alone, and its skyline is where the picture says."""

import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.skyline.landscape import draw_landscape


def test_same_seed_and_index_give_the_same_bytes_in_any_order():
    forwards = [draw_landscape(5, index) for index in (0, 1, 2)]
    backwards = [draw_landscape(5, index) for index in (2, 1, 0)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        assert one.photograph.tobytes() == other.photograph.tobytes()
        assert np.array_equal(one.skyline, other.skyline)


def test_another_process_draws_the_same_bytes():
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        elsewhere = pool.apply(draw_landscape, (5, 3))
    assert elsewhere.photograph.tobytes() == draw_landscape(5, 3).photograph.tobytes()


@pytest.mark.parametrize("other", [(5, 1), (6, 0)], ids=["another index", "another seed"])
def test_another_index_or_seed_gives_another_picture(other):
    photograph = draw_landscape(5, 0).photograph.astype(int)
    assert np.abs(photograph - draw_landscape(*other).photograph).mean() > 5


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    index=st.integers(0, 10**6),
    height=st.integers(96, 260),
    width=st.integers(96, 340),
)
def test_skyline_has_one_row_per_column_well_inside_the_photograph(seed, index, height, width):
    landscape = draw_landscape(seed, index, height, width)
    assert landscape.photograph.shape == (height, width, 3)
    assert landscape.photograph.dtype == np.uint8
    assert landscape.skyline.shape == (width,)
    assert landscape.skyline.min() >= 20
    assert landscape.skyline.max() <= height - 20


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), index=st.integers(0, 10**6))
def test_brightness_changes_more_across_the_skyline_than_elsewhere(seed, index):
    landscape = draw_landscape(seed, index)
    step = np.abs(np.diff(landscape.photograph.astype(float), axis=0)).mean(axis=2)
    columns = np.arange(len(landscape.skyline))
    across = step[landscape.skyline - 1, columns].mean()
    assert across > 1.1 * step.mean()
    # One row higher or lower would be the wrong annotation.
    for shift in (-4, 4):
        assert across > step[landscape.skyline - 1 + shift, columns].mean()


def test_photographs_differ_in_light_as_those_of_different_days_do():
    photographs = [draw_landscape(8, index).photograph for index in range(40)]
    brightness = np.array([photograph.mean() for photograph in photographs])
    sky_blueness = np.array(
        [photograph[:15, :, 2].mean() - photograph[:15, :, 0].mean() for photograph in photographs]
    )
    assert np.ptp(brightness) > 90
    assert (sky_blueness > 40).sum() >= 5, "no blue skies"
    assert (np.abs(sky_blueness) < 15).sum() >= 5, "no grey skies"
