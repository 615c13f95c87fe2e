"""From a scene's NetCDF files to its arrays on the 1 km grid: the work of `convert_hdf`."""

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.slstr import chunk_reading
from workloads.slstr.calibration import (
    Detectors,
    Factors,
    Plane,
    add_brightness_temperature,
    add_mean_reflectance,
    add_reflectance,
    factors_of,
)
from workloads.slstr.masks import filled_pixels, is_by_day, masks_of
from workloads.slstr.moments import moments_of
from workloads.slstr.product import (
    SOLAR_CHANNELS,
    THERMAL_CHANNELS,
    quality_file,
    solar_file,
    thermal_file,
)
from workloads.slstr.scene_hdf import Converted, Settings
from workloads.slstr.scene_reading import (
    BrokenScene,
    Offsets,
    Packing,
    Scene,
    Unreadable,
    number,
    text,
    variable,
)
from workloads.slstr.tie_points import interpolate

FLAGS, GEOMETRY, DETECTORS = "flags_in.nc", "geometry_tn.nc", "indices_an.nc"
GEODETIC, TRUTH, MANIFEST = "geodetic_in.nc", "truth_in.nc", "xfdumanifest.xml"
# The division by the cosine takes the Earth for flat, which near the horizon means nothing: the
# sun must stand two degrees above it.
LOWEST_COSINE = float(np.cos(np.radians(88.0)))

Shape = tuple[int, int]


@dataclass(frozen=True)
class Source:
    """What a scene is converted from: its files' bytes together, and what tells it from another.

    The manifest holds a checksum of every file, so that its digest and their sizes say what they
    hold without reading them.
    """

    size: int
    digest: str


def source_of(scene: Scene, settings: Settings) -> Source:
    """Look at the files that a conversion reads; those that are missing are left out."""
    size = 0
    digest = hashlib.sha256()
    for name in _files_read(scene, settings):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            length = (scene.folder / name).stat().st_size
            size += length
            digest.update(f"{name} {length}\n".encode())
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        digest.update((scene.folder / MANIFEST).read_bytes())
    return Source(size, digest.hexdigest())


def convert(scene: Scene, settings: Settings) -> Converted:
    """The arrays of a scene on the 1 km grid. Raises BrokenScene, which names the file."""
    scene.require_name()
    with scene.open(FLAGS) as file:
        confidence = _read_flags(file, "confidence_in", np.uint16)
        shape = confidence.shape
        bayes = _read_flags(file, "bayes_in", np.uint8, shape)
        offsets, start_time = Offsets.of(file), text(file, "start_time")
    filled = filled_pixels(confidence)
    if not filled.any():
        raise BrokenScene(scene.name, f"{FLAGS}: no pixel is filled")
    masks = masks_of(confidence, bayes)
    by_day = is_by_day(masks["day"], filled)
    if (scene.folder / TRUTH).exists():
        with scene.open(TRUTH) as file:
            masks["truth"] = _read_flags(file, "cloud_in_truth", np.uint8, shape)
    temperatures = _temperatures(scene, shape)
    cosine = _cosine_of_zenith(scene, shape, offsets)
    reflectances = _reflectances(scene, shape, cosine, by_day)
    return Converted(
        scene.name,
        start_time,
        by_day,
        temperatures,
        reflectances,
        masks,
        _geolocation(scene, shape) if settings.geolocation else {},
        moments_of([*reflectances, *temperatures]),
    )


def native_temperature(
    scene: Scene, channel: str, shape: Shape | None = None, out: Plane | None = None
) -> Plane:
    """The brightness temperatures of a thermal channel in kelvin, on the 1 km grid, NaN unfilled.

    They are written into `out` where it is given. Raises BrokenScene, also where the grid is not of
    `shape`.
    """
    with scene.open(thermal_file(channel)) as file:
        packed = variable(file, f"{channel}_BT_in", np.int16, shape)
        packing = Packing.of(packed)
        temperature = np.empty(packed.shape, np.float32) if out is None else out
        for piece in chunk_reading.pieces(packed):
            add_brightness_temperature(temperature, piece, packing)
    return temperature


def native_reflectance(scene: Scene, channel: str) -> Plane:
    """The reflectances of a solar channel on the 500 m grid, for a sun in the zenith, NaN unfilled.

    pi * L / E0 with the solar irradiance E0 of each pixel's detector: what becomes a reflectance
    when it is divided by the cosine of the solar zenith angle. Raises BrokenScene.
    """
    factors = _factors(scene, channel)
    detectors = _detectors(scene, None)
    with _open_radiance(scene, channel, detectors.shape) as (packed, packing):
        reflectance = np.empty(detectors.shape, np.float32)
        for piece in chunk_reading.pieces(packed):
            add_reflectance(reflectance, piece, packing, detectors, factors)
    return reflectance


def _temperatures(scene: Scene, shape: Shape) -> NDArray[np.float32]:
    temperatures = np.empty((len(THERMAL_CHANNELS), *shape), np.float32)
    for channel, temperature in zip(THERMAL_CHANNELS, temperatures, strict=True):
        native_temperature(scene, channel, shape, temperature)
        _require_some(scene, thermal_file(channel), temperature)
    return temperatures


def _reflectances(scene: Scene, shape: Shape, cosine: Plane, by_day: bool) -> NDArray[np.float32]:
    native_shape = (2 * shape[0], 2 * shape[1])
    detectors = _detectors(scene, native_shape)
    reflectances = np.empty((len(SOLAR_CHANNELS), *shape), np.float32)
    for channel, reflectance in zip(SOLAR_CHANNELS, reflectances, strict=True):
        factors = _factors(scene, channel)
        with _open_radiance(scene, channel, native_shape) as (packed, packing):
            for piece in chunk_reading.pieces(packed):
                add_mean_reflectance(reflectance, piece, packing, detectors, factors, cosine)
        # At night the instrument sends none.
        if by_day:
            _require_some(scene, solar_file(channel), reflectance)
    return reflectances


@contextlib.contextmanager
def _open_radiance(
    scene: Scene, channel: str, shape: Shape
) -> Iterator[tuple[h5py.Dataset, Packing]]:
    with scene.open(solar_file(channel)) as file:
        packed = variable(file, f"{channel}_radiance_an", np.int16, shape)
        yield packed, Packing.of(packed)


def _factors(scene: Scene, channel: str) -> Factors:
    with scene.open(quality_file(channel)) as file:
        irradiances = variable(file, f"{channel}_solar_irradiance_an", np.float32)[...]
        if irradiances.ndim != 1 or not irradiances.size or irradiances.size > 255:
            raise Unreadable("there is not one solar irradiance for each detector")
        if not (np.isfinite(irradiances) & (irradiances > 0)).all():
            raise Unreadable("a solar irradiance is not a positive number")
    return factors_of(irradiances)


def _detectors(scene: Scene, shape: Shape | None) -> Detectors:
    with scene.open(DETECTORS) as file:
        return _read_flags(file, "detector_an", np.uint8, shape)


def _cosine_of_zenith(scene: Scene, shape: Shape, offsets: Offsets) -> Plane:
    """The cosine of the solar zenith angle (rows, columns), NaN where the sun is down."""
    with scene.open(GEOMETRY) as file:
        zenith = variable(file, "solar_zenith_tn", np.float64)[...]
        if zenith.ndim != 2:
            raise Unreadable("solar_zenith_tn has not rows and columns")
        tie_offsets = Offsets.of(file)
        # The cosine lies closer to a straight line than the angle, which bends at the horizon.
        cosine = interpolate(
            np.cos(np.radians(zenith)), ("tn", tie_offsets), ("in", offsets), shape
        )
    cosine[~(cosine >= LOWEST_COSINE)] = np.nan
    return cosine


def _geolocation(scene: Scene, shape: Shape) -> dict[str, NDArray[np.float32]]:
    degrees = {}
    with scene.open(GEODETIC) as file:
        for name in ("latitude", "longitude"):
            packed = variable(file, f"{name}_in", np.int32, shape)
            raw = chunk_reading.read(packed)
            values = (raw * number(packed, "scale_factor")).astype(np.float32)
            values[raw == number(packed, "_FillValue")] = np.nan
            degrees[name] = values
    return degrees


def _read_flags(
    file: h5py.File, name: str, dtype: type[np.unsignedinteger], shape: Shape | None = None
) -> NDArray:
    found = variable(file, name, dtype, shape)
    if found.ndim != 2 or not found.size:
        raise Unreadable(f"{name} has not rows and columns")
    return chunk_reading.read(found)


def _require_some(scene: Scene, file_name: str, plane: Plane) -> None:
    if np.isnan(plane).all():
        raise BrokenScene(scene.name, f"{file_name}: no pixel is filled")


def _files_read(scene: Scene, settings: Settings) -> list[str]:
    names = [FLAGS, GEOMETRY, DETECTORS, *map(thermal_file, THERMAL_CHANNELS)]
    for channel in SOLAR_CHANNELS:
        names += [solar_file(channel), quality_file(channel)]
    if settings.geolocation:
        names.append(GEODETIC)
    if (scene.folder / TRUTH).exists():
        names.append(TRUTH)
    return names
