"""Tie points: placed by differences of offsets, interpolated exactly where a field is linear."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.slstr.scene_reading import Offsets, Unreadable
from workloads.slstr.tie_points import interpolate, positions

SHAPE = (12, 60)
TIE_SHAPE = (12, 10)


def linear(rows, columns, slopes=(0.25, -0.125), constant=3.0):
    return constant + slopes[0] * rows[:, np.newaxis] + slopes[1] * columns


@given(
    start=st.integers(-(10**6), 10**6),
    track=st.integers(0, 2000),
    slopes=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    unknown=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_a_linear_field_is_interpolated_exactly_whatever_the_offsets(start, track, slopes, unknown):
    # The first tie point lies 32 km left of the first pixel.
    tie, pixels = Offsets(start, (track + 32) / 16), Offsets(start, track)
    rows, columns = np.arange(TIE_SHAPE[0]), np.arange(TIE_SHAPE[1])
    field = linear(rows, 16 * columns - 32, slopes)
    field[:, : unknown[0]] = np.nan
    field[:, TIE_SHAPE[1] - unknown[1] :] = np.nan
    expected = linear(np.arange(SHAPE[0]), np.arange(SHAPE[1]), slopes)
    found = interpolate(field, ("tn", tie), ("in", pixels), SHAPE)
    assert found.dtype == np.float32
    assert found == pytest.approx(expected, abs=1e-4)


def test_positions_are_those_of_the_product():
    tie, grid = ("tn", Offsets(76447, 64)), ("in", Offsets(76447, 998))
    rows, columns = positions(tie, grid, (1200, 1500))
    assert (rows == np.arange(1200)).all()
    # The track is in column 998 of the 1 km grid, and at tie point 64.
    assert columns[998] == 64
    assert columns[998 + 16] == 65
    fine = ("an", Offsets(152894, 1996))
    fine_rows, fine_columns = positions(tie, fine, (2400, 3000))
    assert fine_rows[::2] == pytest.approx(rows)
    assert fine_columns[::2] == pytest.approx(columns)


def test_a_scene_that_begins_later_than_its_tie_points_takes_later_ones():
    field = linear(np.arange(TIE_SHAPE[0]), np.arange(TIE_SHAPE[1]), (1.0, 0.0), 0.0)
    found = interpolate(field, ("tn", Offsets(100, 2)), ("in", Offsets(105, 0)), (7, 60))
    assert found[:, 0] == pytest.approx(np.arange(5, 12))


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [(Offsets(76447, 0), SHAPE), (Offsets(2, 0), SHAPE), (Offsets(0, 90), SHAPE)],
)
def test_pixels_far_from_all_tie_points_are_refused(pixels, shape):
    field = np.zeros(TIE_SHAPE)
    with pytest.raises(Unreadable, match="tie points do not cover"):
        interpolate(field, ("tn", Offsets(0, 2)), ("in", pixels), shape)


def test_one_tie_point_is_not_enough():
    with pytest.raises(Unreadable, match="no tie points"):
        interpolate(np.zeros((12, 1)), ("tn", Offsets(0, 0)), ("in", Offsets(0, 0)), (12, 5))
