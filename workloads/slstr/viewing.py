"""How the sun and the satellite stand over the pixels of a scene, and which pixels are filled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field
from workloads.slstr.orbit import (
    ALTITUDE,
    EARTH_RADIUS,
    Angles,
    Pass,
    points,
    sunlight,
    track,
)

Vectors = tuple[Angles, Angles, Angles]
# The share of the columns without data on either side, and how much further it goes at the ends.
_EDGE, _CURVE = 0.012, 0.02


@dataclass(frozen=True)
class Viewing:
    """What each pixel (rows, columns) of the 1 km grid has over it; latitude in degrees.

    `facet` is the cosine of the tilt at which a facet of the sea mirrors the sun to the satellite.
    """

    latitude: Field
    sun: Field
    satellite: Field
    facet: Field
    filled: NDArray[np.bool_]


def view(scene: Pass) -> Viewing:
    """The viewing geometry of every pixel of the 1 km grid."""
    rows = np.arange(scene.grid.rows, dtype=np.float64)
    columns = np.arange(scene.grid.columns, dtype=np.float64)
    place = points(scene, rows, columns)
    sun = sunlight(scene, place)
    satellite, distance = _satellite(scene, columns)
    below = sunlight(scene, track(scene, rows))[:, None]
    between = (below * (EARTH_RADIUS + ALTITUDE) - sun * EARTH_RADIUS) / distance
    # The facet's normal halves the angle between the two directions, both unit vectors.
    facet = (sun + satellite) / np.sqrt(2.0 + 2.0 * between)
    return Viewing(
        latitude=np.degrees(np.arcsin(place[2])).astype(np.float32),
        sun=sun.astype(np.float32),
        satellite=np.broadcast_to(satellite, sun.shape).astype(np.float32),
        facet=facet.astype(np.float32),
        filled=is_filled(scene, rows, columns),
    )


def _satellite(scene: Pass, columns: Angles) -> tuple[Angles, Angles]:
    """Cosine of the satellite's zenith angle and its distance in km, for each column."""
    across = (columns - scene.centre) / EARTH_RADIUS
    orbit = EARTH_RADIUS + ALTITUDE
    distance = np.sqrt(
        orbit * orbit + EARTH_RADIUS * EARTH_RADIUS - 2.0 * orbit * EARTH_RADIUS * np.cos(across)
    )
    return (orbit * np.cos(across) - EARTH_RADIUS) / distance, distance


def is_filled(scene: Pass, rows: Angles, columns: Angles, beyond: float = 0.0) -> NDArray[np.bool_]:
    """Whether positions in 1 km pixels, (rows, columns), are in the swath or `beyond` km off it.

    The scan is a cone, so that the swath's edges are curves on the grid.
    """
    bend = (2.0 * rows / scene.grid.rows - 1.0) ** 2
    edge = (_EDGE + _CURVE * bend)[:, None] * scene.grid.columns - beyond
    last = scene.grid.columns - 1.0
    return np.asarray((columns >= edge) & (columns <= last - edge))


def tie_angles(scene: Pass, rows: Angles, columns: Angles) -> dict[str, Angles]:
    """Zenith and azimuth angles in degrees, (rows, columns), at positions in 1 km pixels."""
    place = points(scene, rows, columns)
    satellite, distance = _satellite(scene, columns)
    sun = (np.cos(scene.declination), 0.0, np.sin(scene.declination))
    upwards = tuple(
        (below[:, None] * (EARTH_RADIUS + ALTITUDE) - here * EARTH_RADIUS) / distance
        for below, here in zip(track(scene, rows), place, strict=True)
    )
    shape = np.ones_like(place[0])
    return {
        "solar_zenith": np.degrees(np.arccos(sunlight(scene, place))),
        "solar_azimuth": _azimuth(place, tuple(each * shape for each in sun)),
        "sat_zenith": np.degrees(np.arccos(np.minimum(satellite * shape, 1.0))),
        "sat_azimuth": _azimuth(place, upwards),
    }


def _azimuth(place: Vectors, direction: tuple[Angles, ...]) -> Angles:
    """The direction's angle in degrees from north towards east, 0 to 360."""
    x, y, z = place
    towards_x, towards_y, towards_z = direction
    east = towards_y * x - towards_x * y
    # The component to the north, times the distance from the axis as east is.
    up = towards_x * x + towards_y * y + towards_z * z
    north = towards_z - up * z
    return np.degrees(np.arctan2(east, north)) % 360.0
