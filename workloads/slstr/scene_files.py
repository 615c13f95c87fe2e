"""The files of a scene's product: which variables each holds, and how they are packed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.common.noise import Field
from workloads.slstr.netcdf import Variable, flags, netcdf, packed
from workloads.slstr.orbit import coordinates, iso_date
from workloads.slstr.product import (
    BAYES,
    CLOUD,
    CONFIDENCE,
    FILL,
    SOLAR_CHANNELS,
    THERMAL_CHANNELS,
    quality_file,
    solar_file,
    thermal_file,
)
from workloads.slstr.scene import DETECTORS, Scene, doubled
from workloads.slstr.scene_grids import TIE_STEP, SceneGrids
from workloads.slstr.viewing import is_filled, tie_angles

TRUTH_FILE = "truth_in.nc"
_UNFILLED = 128
_BT_SCALE, _BT_OFFSET = 0.01, 283.73
_RADIANCE_SCALES = (0.01785, 0.0148, 0.009, 0.0036, 0.002258, 0.000742)
_DEGREES = {"scale_factor": 1e-6, "add_offset": 0.0}
_METRES = {"scale_factor": 0.001, "add_offset": 0.0, "units": "m"}
_NO_INTEGER = -(2**31)


class SceneFiles:
    """Builds the files of one scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._grids = SceneGrids(scene.course)
        self._unfilled_an = ~scene.viewing.filled.repeat(2, axis=0).repeat(2, axis=1)

    def all(self) -> Iterator[tuple[str, bytes]]:
        """Name and content of every NetCDF file, one at a time."""
        for channel in THERMAL_CHANNELS:
            yield thermal_file(channel), self._thermal(channel)
        for channel, scale in zip(SOLAR_CHANNELS, _RADIANCE_SCALES, strict=True):
            yield solar_file(channel), self._solar(channel, scale)
            yield quality_file(channel), self._quality(channel)
        yield "viscal.nc", self._calibration()
        yield "indices_an.nc", self._indices()
        yield "flags_in.nc", self._flags()
        for grid in ("in", "an"):
            yield f"geodetic_{grid}.nc", self._geodetic(grid)
        for grid in ("in", "an", "tx"):
            yield f"cartesian_{grid}.nc", self._cartesian(grid)
        yield "geometry_tn.nc", self._geometry()
        yield "met_tx.nc", self._weather()
        yield TRUTH_FILE, self._truth()

    def _file(self, grid: str, *variables: Variable) -> bytes:
        attributes = {
            "product_name": f"{self._scene.name}.SEN3",
            "start_time": iso_date(self._scene.course.start),
            "stop_time": iso_date(self._scene.course.stop),
        }
        return netcdf(attributes | self._grids.attributes(grid), variables)

    def _thermal(self, channel: str) -> bytes:
        filled = self._scene.viewing.filled
        values = packed(self._scene.brightness[channel], _BT_SCALE, _BT_OFFSET, np.int16)
        values[~filled] = FILL
        attributes = {"scale_factor": _BT_SCALE, "add_offset": _BT_OFFSET, "units": "K"}
        return self._file(
            "in",
            Variable(f"{channel}_BT_in", values, FILL, attributes),
            _exceptions(f"{channel}_exception_in", ~filled),
        )

    def _solar(self, channel: str, scale: float) -> bytes:
        shape = self._grids.length["an"]
        if self._scene.night:
            # The instrument sends no solar channels by night.
            values, missing = np.full(shape, FILL, np.int16), np.ones(shape, bool)
        else:
            values = packed(self._scene.radiance[channel], scale, 0.0, np.int16)
            missing = self._unfilled_an
            values[missing] = FILL
        attributes = {"scale_factor": scale, "add_offset": 0.0, "units": "mW.m-2.sr-1.nm-1"}
        return self._file(
            "an",
            Variable(f"{channel}_radiance_an", values, FILL, attributes),
            _exceptions(f"{channel}_exception_an", missing),
        )

    def _quality(self, channel: str) -> bytes:
        name = f"{channel}_solar_irradiance_an"
        values = self._scene.irradiance[channel]
        units = {"units": "mW.m-2.nm-1"}
        return self._file("an", Variable(name, values, None, units, ("detectors",)))

    def _calibration(self) -> bytes:
        variables = [
            Variable(
                f"{channel}_solar_irradiances",
                np.stack([values, values], axis=1),
                None,
                {"units": "mW.m-2.nm-1"},
                ("detectors", "views"),
            )
            for channel, values in self._scene.irradiance.items()
        ]
        return self._file("an", *variables)

    def _indices(self) -> bytes:
        shape = self._grids.length["an"]
        rows, columns = np.indices(shape, dtype=np.uint16, sparse=True)
        indices: dict[str, NDArray[np.unsignedinteger[Any]]] = {
            "detector_an": (rows % DETECTORS).astype(np.uint8),
            "scan_an": rows // DETECTORS,
            "pixel_an": columns,
        }
        variables = []
        for name, each in indices.items():
            values = np.broadcast_to(each, shape).copy()
            fill = np.iinfo(values.dtype).max
            values[self._unfilled_an] = fill
            variables.append(Variable(name, values, fill))
        return self._file("an", *variables)

    def _flags(self) -> bytes:
        scene = self._scene
        probability = {"scale_factor": 0.005, "add_offset": 0.5}
        return self._file(
            "in",
            flags("confidence_in", scene.confidence, CONFIDENCE),
            flags("cloud_in", scene.cloud, CLOUD),
            flags("bayes_in", scene.bayes, BAYES),
            Variable("pointing_in", np.zeros_like(scene.bayes)),
            Variable("probability_cloud_single_in", scene.probability, -128, probability),
        )

    def _geodetic(self, grid: str) -> bytes:
        latitude, longitude = coordinates(self._scene.course, *self._grids.positions(grid))
        height = self._scene.surface.height
        metres = 1000.0 * (doubled(height) if grid == "an" else height)
        places = {"latitude": (latitude, "north"), "longitude": (longitude, "east")}
        variables = [
            Variable(
                f"{name}_{grid}",
                packed(values, 1e-6, 0.0, np.int32),
                _NO_INTEGER,
                {**_DEGREES, "units": f"degrees_{side}"},
            )
            for name, (values, side) in places.items()
        ]
        elevation = np.rint(metres).astype(np.int16)
        return self._file(
            grid, *variables, Variable(f"elevation_{grid}", elevation, FILL, {"units": "m"})
        )

    def _cartesian(self, grid: str) -> bytes:
        """Metres to the right of the ground track, and along it from the first row."""
        rows, columns = self._grids.positions(grid)
        shape = self._grids.length[grid]
        millimetres = 1e6
        x = (self._scene.course.centre - columns) * millimetres
        y = rows[:, None] * millimetres
        variables = [
            Variable(
                f"{name}_{grid}",
                np.broadcast_to(values, shape).astype(np.int32),
                _NO_INTEGER,
                _METRES,
            )
            for name, values in (("x", x), ("y", y))
        ]
        return self._file(grid, *variables)

    def _geometry(self) -> bytes:
        course = self._scene.course
        rows, columns = self._grids.positions("tn")
        # Ties next to a filled pixel are needed to interpolate it; beyond there are none.
        known = is_filled(course, rows, columns, beyond=TIE_STEP)
        variables = [
            Variable(f"{name}_tn", np.where(known, values, np.nan), None, {"units": "degrees"})
            for name, values in tie_angles(course, rows, columns).items()
        ]
        return self._file("tn", *variables)

    def _weather(self) -> bytes:
        surface = self._scene.surface
        _, positions = self._grids.positions("tx")
        last = self._grids.length["in"][1] - 1
        columns = np.clip(np.rint(positions), 0, last).astype(np.intp)
        # A cm of water is 10 kg on a square metre. There is no land in a forecast's sea.
        fields: dict[str, tuple[Field, str]] = {
            "sea_surface_temperature": (surface.sea_temperature, "K"),
            "surface_temperature": (surface.temperature, "K"),
            "total_column_water_vapour": (10.0 * surface.vapour, "kg.m-2"),
        }
        variables = [
            Variable(f"{name}_tx", values[:, columns], None, {"units": units})
            for name, (values, units) in fields.items()
        ]
        return self._file("tx", *variables)

    def _truth(self) -> bytes:
        scene = self._scene
        cloud = np.where(scene.viewing.filled, scene.clouds.truth, 255).astype(np.uint8)
        sea = scene.surface.sea_temperature
        return self._file(
            "in",
            Variable("cloud_in_truth", cloud, 255),
            Variable("sea_surface_temperature_in_truth", sea, None, {"units": "K"}),
        )


def _exceptions(name: str, missing: NDArray[np.bool_]) -> Variable:
    """The variable that says why a pixel has no value: 128 where the scan did not fill it."""
    return Variable(name, np.where(missing, np.uint8(_UNFILLED), np.uint8(0)))
