"""Where a pass of the satellite goes, and when: a circular sun-synchronous orbit over a sphere.

Vectors have their x axis on the equator below the sun and their z axis to the north. The orbit
keeps its place to the sun, so that in these axes it never changes, and a place's x and y say its
local solar time.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from workloads.slstr.product import Grid

Angles = NDArray[np.float64]

EARTH_RADIUS = 6371.0  # km
# Sentinel-3: height in km, inclination, the time of one orbit in seconds, the local solar time of
# the southward crossing of the equator.
ALTITUDE = 814.5
INCLINATION = math.radians(98.65)
PERIOD = 6059.0
DESCENDING_HOUR = 10.0
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_OBLIQUITY = math.radians(23.44)
_DAY = 86_400.0
# Beyond, there is little open sea to measure, which is what the masks are for.
_FURTHEST_LATITUDE = math.radians(68.0)
# The centre of a scene by day or night is so far from the sun's horizon that all of it is.
_SINE_OF_LEAST_DISTANCE = math.sin(math.radians(11.0))

_FIRST_DATE = (datetime(2018, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()
# Scene number n starts n seconds into one of so many stretches of time: no two start together.
MOST_SCENES = 100_000
_STRETCHES = 945


@dataclass(frozen=True)
class Pass:
    """The stretch of an orbit that one scene shows.

    `start` is in seconds since 2000-01-01, `angle` in radians along the orbit from its northward
    crossing of the equator to the first row, `centre` the column of the ground track.
    """

    start: float
    angle: float
    grid: Grid
    centre: int

    @property
    def seconds_a_row(self) -> float:
        """The time in which the ground track goes one row, of 1 km, further."""
        return PERIOD / (2.0 * math.pi * EARTH_RADIUS)

    @property
    def stop(self) -> float:
        """The time of the last row's end."""
        return self.start + self.grid.rows * self.seconds_a_row

    @property
    def declination(self) -> float:
        """The latitude, in radians, above which the sun stands (a circular year)."""
        day = self.date.timetuple().tm_yday
        return -_OBLIQUITY * math.cos(2.0 * math.pi * (day + 10.0) / 365.25)

    @property
    def date(self) -> datetime:
        """The start as a date."""
        return date(self.start)


def date(seconds: float) -> datetime:
    """The date so many `seconds` after 2000-01-01."""
    return EPOCH + timedelta(seconds=seconds)


def iso_date(seconds: float) -> str:
    """The date so many `seconds` after 2000-01-01 as the product writes it."""
    return f"{date(seconds):%Y-%m-%dT%H:%M:%S.%fZ}"


def draw_pass(rng: np.random.Generator, number: int, grid: Grid, night: bool) -> Pass:
    """Draw the time and place of scene `number`, wholly by day or wholly by night."""
    start = _FIRST_DATE + int(rng.integers(_STRETCHES)) * MOST_SCENES + number
    # The nadir view of a full scene has 998 of its 1,500 columns on one side of the track.
    centre = round(grid.columns * 998 / 1500)
    while True:
        middle = rng.uniform(0.0, 2.0 * math.pi)
        angle = middle - 0.5 * grid.rows / EARTH_RADIUS
        drawn = Pass(start, angle, grid, centre)
        place = points(drawn, np.array([grid.rows / 2.0]), np.array([grid.columns / 2.0]))
        height_of_sun = float(sunlight(drawn, place)[0, 0])
        lit = -height_of_sun if night else height_of_sun
        within = abs(float(place[2][0, 0])) < math.sin(_FURTHEST_LATITUDE)
        if within and lit > _SINE_OF_LEAST_DISTANCE:
            return drawn


def points(scene: Pass, rows: Angles, columns: Angles) -> tuple[Angles, Angles, Angles]:
    """Unit vectors to pixels: x, y and z, each (rows, columns); positions are in 1 km pixels."""
    across = (columns - scene.centre) / EARTH_RADIUS
    x, y, z = (
        along[:, None] * np.cos(across) + side * np.sin(across)
        for along, side in zip(track(scene, rows), _side(), strict=True)
    )
    return x, y, z


def track(scene: Pass, rows: Angles) -> tuple[Angles, Angles, Angles]:
    """Unit vectors to the points below the satellite: x, y and z of each row."""
    along = scene.angle + rows / EARTH_RADIUS
    node = _ascending_node()
    cosine, sine = np.cos(along), np.sin(along)
    level, rise = math.cos(INCLINATION), math.sin(INCLINATION)
    return (
        cosine * math.cos(node) - sine * math.sin(node) * level,
        cosine * math.sin(node) + sine * math.cos(node) * level,
        sine * rise,
    )


def _side() -> tuple[float, float, float]:
    """The unit vector to the left of the flight, whither columns are counted."""
    node = _ascending_node()
    level, rise = math.cos(INCLINATION), math.sin(INCLINATION)
    return math.sin(node) * rise, -math.cos(node) * rise, level


def _ascending_node() -> float:
    """Longitude of the northward crossing, from the meridian of the sun: half an orbit away."""
    return math.radians((DESCENDING_HOUR - 12.0) * 15.0) + math.pi


def sunlight(scene: Pass, place: tuple[Angles, Angles, Angles]) -> Angles:
    """Cosine of the solar zenith angle at unit vectors."""
    x, _, z = place
    return x * math.cos(scene.declination) + z * math.sin(scene.declination)


def coordinates(scene: Pass, rows: Angles, columns: Angles) -> tuple[Angles, Angles]:
    """Latitude and longitude in degrees, each (rows, columns), of positions in 1 km pixels."""
    x, y, z = points(scene, rows, columns)
    seconds = scene.start + rows * scene.seconds_a_row
    # The sun is above the meridian where it is noon: 15 degrees to the west for every hour.
    below_sun = 180.0 - 360.0 * (seconds % _DAY) / _DAY
    longitude = np.degrees(np.arctan2(y, x)) + below_sun[:, None]
    return np.degrees(np.arcsin(z)), (longitude + 180.0) % 360.0 - 180.0
