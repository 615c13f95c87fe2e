"""A scene's archive holds the product's files, packed, placed and listed as the format has them."""

import hashlib
import io
import zipfile
from xml.etree import ElementTree

import netCDF4
import numpy as np
import pytest

from workloads.slstr.archive_writing import archive
from workloads.slstr.orbit import Pass
from workloads.slstr.product import FULL, SOLAR_CHANNELS, THERMAL_CHANNELS, Grid
from workloads.slstr.scene import NIGHT_EVERY, draw_scene
from workloads.slstr.scene_grids import SceneGrids

GRID = Grid(48, 64)
SCALES = (0.01785, 0.0148, 0.009, 0.0036, 0.002258, 0.000742)
IRRADIANCES = (1837.39, 1525.94, 956.17, 365.90, 248.33, 78.33)


class Opened:
    """A scene, and the files of its archive by name, as NetCDF datasets without scaling."""

    def __init__(self, number):
        self.scene = draw_scene(2, number, GRID)
        self.content = archive(self.scene)
        with zipfile.ZipFile(io.BytesIO(self.content)) as zipped:
            self.entries = zipped.infolist()
            self.bytes = {entry.filename: zipped.read(entry) for entry in self.entries}
        folder = f"{self.scene.name}.SEN3/"
        self.files = {}
        for name, content in self.bytes.items():
            assert name.startswith(folder)
            if name.endswith(".nc"):
                file = netCDF4.Dataset("memory", memory=content)
                file.set_auto_maskandscale(False)
                self.files[name.removeprefix(folder)] = file
        self.manifest = self.bytes[f"{folder}xfdumanifest.xml"]

    def values(self, file, variable):
        return self.files[file][variable][:]


@pytest.fixture(scope="module")
def day():
    return Opened(0)


@pytest.fixture(scope="module")
def night():
    return Opened(NIGHT_EVERY - 1)


def test_the_same_scene_is_the_same_bytes(day):
    assert archive(draw_scene(2, 0, GRID)) == day.content


def test_an_archive_holds_the_files_of_the_product_and_the_truth(day):
    assert set(day.files) == {
        *(f"{channel}_BT_in.nc" for channel in THERMAL_CHANNELS),
        *(
            f"{channel}_{kind}_an.nc"
            for channel in SOLAR_CHANNELS
            for kind in ("radiance", "quality")
        ),
        *("viscal.nc", "indices_an.nc", "flags_in.nc", "geometry_tn.nc", "met_tx.nc"),
        *("geodetic_in.nc", "geodetic_an.nc", "truth_in.nc"),
        *("cartesian_in.nc", "cartesian_an.nc", "cartesian_tx.nc"),
    }
    for entry in day.entries:
        assert entry.compress_type == zipfile.ZIP_DEFLATED
        assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_the_manifest_lists_every_file_with_size_and_checksum(day):
    listed = {}
    for stream in ElementTree.fromstring(day.manifest).iter("byteStream"):
        name = stream.find("fileLocation").get("href")
        listed[name] = int(stream.get("size")), stream.find("checksum").text
    folder = f"{day.scene.name}.SEN3/"
    expected = {
        name.removeprefix(folder): (len(content), hashlib.md5(content).hexdigest())
        for name, content in day.bytes.items()
        if name.endswith(".nc")
    }
    assert listed == expected
    assert "truth_in.nc" in listed


def test_brightness_temperatures_are_packed_to_a_hundredth_and_the_edge_is_fill(day):
    filled = day.scene.viewing.filled
    for channel in THERMAL_CHANNELS:
        variable = day.files[f"{channel}_BT_in.nc"][f"{channel}_BT_in"]
        assert (variable.dtype, variable.units, variable._FillValue) == (np.int16, "K", -32768)
        assert (variable.scale_factor, variable.add_offset) == (0.01, 283.73)
        kelvin = variable[:] * 0.01 + 283.73
        assert kelvin[filled] == pytest.approx(day.scene.brightness[channel][filled], abs=0.0052)
        assert (variable[:][~filled] == -32768).all()
        exception = day.values(f"{channel}_BT_in.nc", f"{channel}_exception_in")
        assert np.array_equal(exception, np.where(filled, 0, 128))


def test_radiances_are_on_the_fine_grid_with_the_scale_of_each_channel(day):
    filled = np.kron(day.scene.viewing.filled, np.ones((2, 2), bool))
    for channel, scale in zip(SOLAR_CHANNELS, SCALES, strict=True):
        variable = day.files[f"{channel}_radiance_an.nc"][f"{channel}_radiance_an"]
        assert (variable.dtype, variable._FillValue) == (np.int16, -32768)
        assert (variable.scale_factor, variable.add_offset) == (scale, 0.0)
        assert variable.units == "mW.m-2.sr-1.nm-1"
        expected = np.minimum(day.scene.radiance[channel], 32767 * scale)[filled]
        assert (variable[:] * scale)[filled] == pytest.approx(expected, abs=0.51 * scale)
        exception = day.values(f"{channel}_radiance_an.nc", f"{channel}_exception_an")
        assert np.array_equal(variable[:] == -32768, ~filled)
        assert np.array_equal(exception, np.where(filled, 0, 128))


def test_by_night_there_are_no_radiances_but_temperatures(night):
    for channel in SOLAR_CHANNELS:
        assert (night.values(f"{channel}_radiance_an.nc", f"{channel}_radiance_an") == -32768).all()
        assert (night.values(f"{channel}_radiance_an.nc", f"{channel}_exception_an") == 128).all()
    assert (night.values("S8_BT_in.nc", "S8_BT_in") != -32768).any()


def test_detectors_have_irradiances_of_their_own_within_one_percent(day):
    for channel, usual in zip(SOLAR_CHANNELS, IRRADIANCES, strict=True):
        values = day.values(f"{channel}_quality_an.nc", f"{channel}_solar_irradiance_an")
        assert (values.dtype, values.shape) == (np.float32, (4,))
        assert len(set(values.tolist())) == 4
        assert np.ptp(values) < 0.01 * usual
        both = day.values("viscal.nc", f"{channel}_solar_irradiances")
        assert np.array_equal(both, np.stack([values, values], axis=1))


def test_the_detector_changes_from_row_to_row_and_is_fill_at_the_edge(day):
    detector = day.values("indices_an.nc", "detector_an")
    filled = detector != 255
    assert np.array_equal(filled, np.kron(day.scene.viewing.filled, np.ones((2, 2), bool)))
    middle = detector[:, 64]
    assert (np.diff(middle) != 0).all()
    assert set(middle.tolist()) == {0, 1, 2, 3}


def test_truth_is_where_the_clouds_are_and_the_sea_is(day):
    truth = day.values("truth_in.nc", "cloud_in_truth")
    filled = day.scene.viewing.filled
    assert np.array_equal(truth[filled], day.scene.clouds.truth[filled])
    assert (truth[~filled] == 255).all()
    sea = day.values("truth_in.nc", "sea_surface_temperature_in_truth")
    assert sea.dtype == np.float32
    assert np.array_equal(np.isnan(sea), day.scene.surface.land)


def test_flags_say_what_their_bits_mean(day):
    for name, kind in {"confidence_in": "u2", "cloud_in": "u2", "bayes_in": "u1"}.items():
        variable = day.files["flags_in.nc"][name]
        assert variable.dtype == np.dtype(kind)
        assert len(variable.flag_meanings.split()) == variable.flag_masks.size
    assert day.files["flags_in.nc"]["bayes_in"].flag_meanings.split()[1] == "single_moderate"
    probability = day.files["flags_in.nc"]["probability_cloud_single_in"]
    assert (probability.scale_factor, probability.add_offset) == (0.005, 0.5)


def test_the_grids_of_a_full_scene_lie_as_the_products_do():
    grids = SceneGrids(Pass(start=6e8, angle=2.0, grid=FULL, centre=998))
    assert grids.track == {"an": 1996, "in": 998, "tn": 64, "tx": 64}
    assert grids.length == {
        "an": (2400, 3000),
        "in": (1200, 1500),
        "tn": (1200, 130),
        "tx": (1200, 130),
    }
    assert grids.start["an"] == 2 * grids.start["in"] == 2 * grids.start["tn"]


@pytest.mark.parametrize("grid", ["in", "an"])
def test_solar_zenith_interpolated_between_ties_is_that_of_the_pixels(day, grid):
    geometry = day.files["geometry_tn.nc"]
    other = day.files[f"geodetic_{grid}.nc"]
    step, fine = (
        [int(each) for each in file.resolution.strip("[] ").split()] for file in (geometry, other)
    )
    ties = np.arange(geometry.dimensions["columns"].size)
    columns = (ties - geometry.track_offset) * (step[0] / fine[0]) + other.track_offset
    rows = (
        np.arange(48) * (step[1] / fine[1])
        + geometry.start_offset * (step[1] / fine[1])
        - other.start_offset
    )
    assert np.array_equal(rows, np.arange(48) * (1000 // fine[1]))
    zenith = geometry["solar_zenith_tn"][:]
    assert zenith.dtype == np.float64
    factor = 1000 // fine[0]
    for row in range(48):
        pixels = np.flatnonzero(day.scene.viewing.filled[row])
        found = np.interp(pixels * factor, columns, zenith[row])
        expected = np.degrees(np.arccos(day.scene.viewing.sun[row, pixels]))
        assert found == pytest.approx(expected, abs=0.02)
    assert np.isnan(zenith).any()


def test_places_are_packed_to_a_microdegree_and_ties_lie_to_the_right_first(day):
    latitude = day.files["geodetic_in.nc"]["latitude_in"]
    assert (latitude.dtype, latitude.scale_factor) == (np.int32, 1e-6)
    assert latitude[:] * 1e-6 == pytest.approx(day.scene.viewing.latitude, abs=1e-4)
    fine = day.values("geodetic_an.nc", "latitude_an")
    assert np.array_equal(fine[::2, ::2], latitude[:])
    for grid in ("in", "an", "tx"):
        x = day.values(f"cartesian_{grid}.nc", f"x_{grid}")
        y = day.values(f"cartesian_{grid}.nc", f"y_{grid}")
        assert (np.diff(x[0].astype(int)) < 0).all()
        assert (np.diff(y[:, 0].astype(int)) > 0).all()
    coarse, fine = (day.values(f"cartesian_{grid}.nc", f"x_{grid}") for grid in ("in", "an"))
    assert np.array_equal(fine[::2, ::2], coarse)


def test_every_file_says_which_product_it_is_of_and_when(day):
    for file in day.files.values():
        assert file.product_name == f"{day.scene.name}.SEN3"
        assert file.start_time[:19].replace("-", "").replace(":", "") in day.scene.name
        assert file.start_time.endswith("Z")
        assert file.stop_time > file.start_time
        assert file.track_offset.dtype == file.start_offset.dtype == np.int32


def test_variables_are_compressed_with_shuffle_at_level_4(day):
    for file in day.files.values():
        for variable in file.variables.values():
            filters = variable.filters()
            assert (filters["zlib"], filters["shuffle"], filters["complevel"]) == (True, True, 4)
