"""Passes are where a sun-synchronous orbit goes, and sun and satellite stand as they must."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.slstr.orbit import (
    EARTH_RADIUS,
    MOST_SCENES,
    Pass,
    coordinates,
    date,
    draw_pass,
    iso_date,
    points,
    sunlight,
    track,
)
from workloads.slstr.product import FULL, Grid
from workloads.slstr.viewing import is_filled, tie_angles, view

GRID = Grid(60, 75)


def drawn(seed=3, number=5, night=False, grid=GRID):
    return draw_pass(np.random.default_rng(seed), number, grid, night)


def on_track(course):
    return np.arange(course.grid.rows, dtype=float), np.array([float(course.centre)])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(0, MOST_SCENES - 1), st.booleans())
def test_full_scenes_are_wholly_by_day_or_wholly_by_night(seed, number, night):
    course = drawn(seed, number, night, FULL)
    corners = np.array([0.0, 600.0, 1199.0]), np.array([0.0, 750.0, 1499.0])
    lit = sunlight(course, points(course, *corners)) > 0.0
    assert (lit != night).all()
    assert np.abs(coordinates(course, *corners)[0]).max() < 80.0


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(st.integers(0, MOST_SCENES - 1), st.integers(0, 2**32), min_size=2))
def test_two_scenes_never_start_together(seeds):
    starts = {drawn(seed, number).start for number, seed in seeds.items()}
    assert len(starts) == len(seeds)


def test_the_orbit_crosses_the_equator_southwards_at_ten_local_solar_time():
    south = Pass(start=6.0e8, angle=np.pi - 30 / EARTH_RADIUS, grid=GRID, centre=50)
    rows, columns = on_track(south)
    latitude, longitude = coordinates(south, rows, columns)
    assert latitude[0, 0] > 0.0 > latitude[-1, 0]
    row = int(np.abs(latitude[:, 0]).argmin())
    hours = (south.start + rows[row] * south.seconds_a_row) % 86_400.0 / 3600.0
    assert (hours + longitude[row, 0] / 15.0) % 24.0 == pytest.approx(10.0, abs=0.01)


def test_rows_and_columns_are_a_kilometre_apart():
    course = drawn()
    place = np.stack(points(course, np.arange(60.0), np.arange(75.0)))
    along = np.linalg.norm(np.diff(place, axis=1), axis=0) * EARTH_RADIUS
    across = np.linalg.norm(np.diff(place, axis=2), axis=0) * EARTH_RADIUS
    assert along == pytest.approx(1.0, rel=0.01)
    assert across == pytest.approx(1.0, rel=1e-4)


def test_columns_are_counted_eastwards_where_the_flight_is_south():
    south = Pass(start=6.0e8, angle=np.pi, grid=GRID, centre=50)
    longitude = coordinates(south, np.array([0.0]), np.array([10.0, 50.0]))[1]
    assert longitude[0, 1] > longitude[0, 0]


def test_the_satellite_stands_above_its_track_and_aslant_at_the_edge_of_a_full_scene():
    course = drawn(grid=FULL)
    angles = tie_angles(course, np.array([0.0]), np.array([0.0, float(course.centre)]))
    assert angles["sat_zenith"][0, 1] == pytest.approx(0.0, abs=1e-4)
    assert 50.0 < angles["sat_zenith"][0, 0] < 60.0


def test_the_sun_is_in_the_east_in_the_morning():
    course = Pass(start=6.0e8, angle=np.pi, grid=GRID, centre=50)
    angles = tie_angles(course, *on_track(course))
    assert ((angles["solar_azimuth"] > 30.0) & (angles["solar_azimuth"] < 150.0)).all()
    # At ten the hour angle is 30 degrees: near the equator the zenith angle is not much more.
    assert ((angles["solar_zenith"] > 28.0) & (angles["solar_zenith"] < 40.0)).all()


def test_the_tilt_of_mirroring_facets_is_that_of_the_vectors():
    course = drawn(grid=Grid(40, 400))
    rows, columns = np.arange(40.0), np.arange(400.0)
    place = np.stack(points(course, rows, columns))
    below = np.stack(track(course, rows))[:, :, None]
    sun = np.array([np.cos(course.declination), 0.0, np.sin(course.declination)])[:, None, None]
    up = below * (EARTH_RADIUS + 814.5) - place * EARTH_RADIUS
    half = sun + up / np.linalg.norm(up, axis=0)
    expected = (half * place).sum(axis=0) / np.linalg.norm(half, axis=0)
    assert view(course).facet == pytest.approx(expected, abs=1e-5)


def test_the_swath_ends_in_curves_on_both_sides_and_all_between_is_filled():
    rows, columns = np.arange(1200.0), np.arange(1500.0)
    filled = is_filled(drawn(grid=FULL), rows, columns)
    first, last = filled.argmax(axis=1), 1499 - filled[:, ::-1].argmax(axis=1)
    assert (filled.sum(axis=1) == last - first + 1).all()
    assert first.min() > 0
    assert last.max() < 1499
    assert first[0] > first[300] > first[600]
    assert last[0] < last[300] < last[600]
    assert 0.9 < filled.mean() < 0.98


def test_dates_are_written_as_the_product_has_them():
    assert iso_date(0.0) == "2000-01-01T00:00:00.000000Z"
    assert date(86_400.5).microsecond == 500_000
