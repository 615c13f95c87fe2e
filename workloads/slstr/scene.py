"""One seeded scene in physical quantities, before it is packed into a product."""

import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field, fractal
from workloads.slstr.clouds import Clouds, draw_clouds
from workloads.slstr.flags import bayes_flags, cloud_flags, confidence_flags
from workloads.slstr.orbit import EPOCH, PERIOD, Pass, draw_pass
from workloads.slstr.product import SOLAR_CHANNELS, Grid
from workloads.slstr.radiative import solar, thermal
from workloads.slstr.surface import Surface, draw_surface
from workloads.slstr.viewing import Viewing, view

DETECTORS = 4
# Half of an orbit is dark, but more scenes are fetched for their day: every fourth is by night.
NIGHT_EVERY = 4
# Sunlight in mW m⁻² nm⁻¹, and by how much the detectors differ at most.
_IRRADIANCE = (1837.39, 1525.94, 956.17, 365.90, 248.33, 78.33)
_DETECTOR_SPREAD = 0.004
# Noise of a brightness temperature in K, and of a radiance as reflectance (ESA's requirements are
# 0.08 K and a signal-to-noise ratio of 20 at 0.5 % albedo).
_THERMAL_NOISE = {"S7": 0.06, "S8": 0.04, "S9": 0.05}
_SOLAR_NOISE = 0.0004
# Brightness within a pixel of 1 km varies so much, relatively, between its four of 500 m.
_TEXTURE = 0.03
_FIRST_CYCLE = EPOCH.replace(year=2016, month=2, day=16)
_SCENE_STREAM = 1


@dataclass(frozen=True)
class Scene:
    """Fields on the 1 km grid (rows, columns), radiances on the 500 m grid, twice as many each way.

    `irradiance` holds a value for each detector and solar channel. `radiance` is empty at night.
    """

    name: str
    course: Pass
    night: bool
    viewing: Viewing
    surface: Surface
    clouds: Clouds
    brightness: dict[str, Field]
    radiance: dict[str, Field]
    irradiance: dict[str, NDArray[np.float32]]
    cloud: NDArray[np.uint16]
    confidence: NDArray[np.uint16]
    bayes: NDArray[np.uint8]
    probability: NDArray[np.int8]


def is_night(number: int) -> bool:
    """Whether scene `number` is one by night: a quarter are, so that any few have both."""
    return number % NIGHT_EVERY == NIGHT_EVERY - 1


def draw_scene(seed: int, number: int, grid: Grid) -> Scene:
    """Draw scene `number` of the collection `seed`: any process can, in any order."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_SCENE_STREAM, number)))
    night = is_night(number)
    course = draw_pass(rng, number, grid, night)
    viewing = view(course)
    surface = draw_surface(rng, viewing, math.degrees(course.declination))
    clouds = draw_clouds(rng, grid.rows, grid.columns)
    brightness = thermal(surface, clouds, viewing)
    for channel, noise in _THERMAL_NOISE.items():
        grain = rng.standard_normal((grid.rows, grid.columns), dtype=np.float32)
        brightness[channel] += np.float32(noise) * grain
    irradiance = _irradiances(rng)
    radiance = (
        {} if night else _radiances(rng, solar(surface, clouds, viewing), viewing, irradiance)
    )
    cloud, summary = cloud_flags(rng, clouds, viewing)
    bayes, probability = bayes_flags(rng, clouds, viewing.filled)
    return Scene(
        name=scene_name(course),
        course=course,
        night=night,
        viewing=viewing,
        surface=surface,
        clouds=clouds,
        brightness=brightness,
        radiance=radiance,
        irradiance=irradiance,
        cloud=cloud,
        confidence=confidence_flags(surface, viewing, summary),
        bayes=bayes,
        probability=probability,
    )


def _irradiances(rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Sunlight as each detector is calibrated for it, mW m⁻² nm⁻¹."""
    spread = 1.0 + _DETECTOR_SPREAD * rng.uniform(-1.0, 1.0, (len(SOLAR_CHANNELS), DETECTORS))
    values = np.array(_IRRADIANCE)[:, None] * spread
    return dict(zip(SOLAR_CHANNELS, values.astype(np.float32), strict=True))


def _radiances(
    rng: np.random.Generator,
    reflectances: dict[str, Field],
    viewing: Viewing,
    irradiance: dict[str, NDArray[np.float32]],
) -> dict[str, Field]:
    """Radiances on the 500 m grid, mW m⁻² sr⁻¹ nm⁻¹: E0 cos(solar zenith) reflectance / pi."""
    sun = doubled(viewing.sun)
    rows, columns = sun.shape
    detail = fractal(rng, rows, columns, 1.3, longest=20.0)
    detail *= np.float32(_TEXTURE)
    detail += np.float32(1.0)
    detail *= sun
    radiances = {}
    for channel, reflectance in reflectances.items():
        seen = doubled(reflectance)
        seen *= detail
        grain = rng.standard_normal((rows, columns), dtype=np.float32)
        grain *= np.float32(_SOLAR_NOISE)
        seen += grain
        seen *= detector_of_row(irradiance[channel], rows)[:, None] / np.float32(math.pi)
        radiances[channel] = np.maximum(seen, 0.0, out=seen)
    return radiances


def detector_of_row(values: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """The value for the detector of every row: the scan goes on row by row of the detectors."""
    return values[np.arange(rows) % DETECTORS]


def doubled(field: Field) -> Field:
    """A field on the grid with twice as many rows and columns, interpolated linearly.

    The mean of the four pixels that lie in one of the coarse grid is close to its value.
    """
    rows, columns = field.shape
    wide = np.empty((rows, 2 * columns), dtype=np.float32)
    _interleave(field.T, wide.T)
    fine = np.empty((2 * rows, 2 * columns), dtype=np.float32)
    _interleave(wide, fine)
    return fine


def _interleave(field: Field, fine: Field) -> None:
    """Fill `fine` with twice the rows of `field`, a quarter of a row to either side of each."""
    near = np.float32(0.75) * field
    far = np.float32(0.25) * field
    np.add(near[1:], far[:-1], out=fine[2::2])
    np.add(near[:-1], far[1:], out=fine[1:-1:2])
    fine[0], fine[-1] = field[0], field[-1]


def scene_name(course: Pass) -> str:
    """The name, without `.SEN3`, that a product of this pass has in the archive."""
    stop, created = (
        course.date + timedelta(seconds=course.stop - course.start + delay) for delay in (0, 86_400)
    )
    moments = "_".join(f"{each:%Y%m%dT%H%M%S}" for each in (course.date, stop, created))
    # 385 orbits of 27 days come again and again; frames are counted in seconds from the equator.
    days = (course.start - (_FIRST_CYCLE - EPOCH).total_seconds()) / 86_400.0
    cycle, orbit = int(days // 27.0), 1 + int(days % 27.0 / 27.0 * 385.0)
    frame = round(course.angle % (2.0 * math.pi) / (2.0 * math.pi) * PERIOD)
    duration = round(course.stop - course.start)
    return (
        f"S3A_SL_1_RBT____{moments}_{duration:04d}_{cycle:03d}_{orbit:03d}_{frame:04d}_LN2_O_NT_004"
    )
