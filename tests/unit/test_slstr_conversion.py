"""Conversion: the right values, the right folder, the same bytes each time; bad scenes named."""

import csv
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pytest
from slstr_scenes import IRRADIANCES, NAME, OTHER, SCALES, make_content, write_scene

from workloads.slstr import conversion
from workloads.slstr.__main__ import main
from workloads.slstr.product import FILL, SOLAR_CHANNELS, THERMAL_CHANNELS, UNFILLED
from workloads.slstr.scene_reading import Scene

CHECKOUT = Path(__file__).parents[2]
PATCH = 16


@pytest.fixture(scope="module")
def content():
    return make_content()


@pytest.fixture(scope="module")
def pristine(content, tmp_path_factory):
    """A folder with one scene by day; not to be changed."""
    parent = tmp_path_factory.mktemp("scenes")
    write_scene(parent, content)
    return parent


@pytest.fixture
def scenes(pristine, tmp_path):
    """A folder with one scene of one's own."""
    shutil.copytree(pristine, tmp_path / "in")
    return tmp_path / "in"


def convert(capsys, folder, output, *options):
    arguments = ["convert_hdf", folder, output, "--patch-size", PATCH, "--workers", 1, *options]
    code = main([str(each) for each in arguments])
    written = capsys.readouterr()
    return code, written.out, written.err


def assert_refused(result, *patterns):
    code, _, error = result
    assert code == 2, error
    assert len(error.strip().splitlines()) == 1, error
    for pattern in patterns:
        assert re.search(pattern, error), error


def files_in(output):
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in output.rglob("*")
        if path.suffix in {".hdf", ".csv"}
    }


def expected_temperatures(content):
    raw = np.stack([content.raw[channel] for channel in THERMAL_CHANNELS], axis=-1)
    return np.where(raw == FILL, np.nan, raw * 0.01 + 283.73)


def expected_native(content, channel):
    raw = content.raw[channel]
    factors = np.full(256, np.nan)
    factors[:4] = np.pi * SCALES[channel] / content.irradiances[channel]
    return np.where(raw == FILL, np.nan, raw * factors[content.detectors])


def expected_reflectances(content, before=0.0):
    """The zenith angle of a pixel, from the formula that the tie points were drawn by."""
    rows, columns = np.mgrid[: content.rows, : content.columns]
    zenith = 40 + 0.02 * (rows + before) + 0.5 * ((columns - 18) / 16 + 4)
    channels = []
    for channel in SOLAR_CHANNELS:
        native = expected_native(content, channel)
        blocks = native.reshape(content.rows, 2, content.columns, 2)
        filled = np.isfinite(blocks).sum(axis=(1, 3))
        with np.errstate(invalid="ignore"):
            mean = np.nansum(blocks, axis=(1, 3)) / filled
        channels.append(mean / np.cos(np.radians(zenith)))
    return np.stack(channels, axis=-1)


def test_a_scene_by_day_is_converted(scenes, content, tmp_path, capsys):
    code, records, error = convert(capsys, scenes, tmp_path / "out")
    assert code == 0, error
    for metric in ("scenes_per_second", "megabytes_read_per_second"):
        assert f'"{metric}"' in records
    assert re.search(r'"dataset_digest", "value": "sha256-sum:\w+"', records)
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        assert set(file) == {"bts", "refs", "bayes", "summary", "day", "land"}
        assert file["bts"][:] == pytest.approx(
            expected_temperatures(content), rel=1e-6, nan_ok=True
        )
        assert file["refs"][:] == pytest.approx(
            expected_reflectances(content), rel=1e-4, nan_ok=True
        )
        bayes = (content.bayes >> 1) % 2
        bayes[(content.confidence & 32) != 0] = UNFILLED
        assert (file["bayes"][:] == bayes).all()
        assert (bayes == UNFILLED).any()
        for name, bit in (("summary", 14), ("day", 10), ("land", 3)):
            assert (file[name][:] == (content.confidence >> bit) % 2).all(), name
        assert file["bts"].chunks == (PATCH, PATCH, 3)
        assert file["refs"].chunks == (PATCH, PATCH, 6)
        assert file["bts"].dtype == file["refs"].dtype == np.float32
        assert file["bts"].compression is None
        for name in ("bayes", "summary", "day", "land"):
            assert file[name].chunks == (PATCH, PATCH)
            assert file[name].compression == "gzip"
        assert file.attrs["scene"] == NAME
        assert file.attrs["start_time"] == "2020-06-10T10:15:00.000000Z"


def test_a_scene_by_night_has_no_reflectances(tmp_path, capsys):
    content = make_content(night=True)
    write_scene(tmp_path / "in", content)
    assert convert(capsys, tmp_path / "in", tmp_path / "out")[0] == 0
    with h5py.File(tmp_path / f"out/night/{NAME}.hdf") as file:
        assert np.isnan(file["refs"][:]).all()
        assert np.isfinite(file["bts"][:, 6:]).all()
    assert not (tmp_path / "out/day").exists()


def test_where_the_sun_is_down_there_is_no_reflectance(tmp_path, capsys):
    content = make_content()
    content.zenith[:] = 86 + 0.25 * np.arange(content.rows)[:, np.newaxis]
    write_scene(tmp_path / "in", content)
    assert convert(capsys, tmp_path / "in", tmp_path / "out")[0] == 0
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        seen = np.isfinite(file["refs"][:]).any(axis=(1, 2))
    assert seen[:8].all()
    assert not seen[9:].any()


def test_the_zenith_angle_is_taken_from_the_scenes_own_rows(scenes, content, tmp_path, capsys):
    """The published code added the offset instead of the difference, and took the last row."""
    path = scenes / f"{NAME}.SEN3/geometry_tn.nc"
    with netCDF4.Dataset(path, "a") as file:
        file.start_offset = np.int32(file.start_offset - 1)
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        expected = expected_reflectances(content, before=1.0)
        assert file["refs"][:] == pytest.approx(expected, rel=1e-4, nan_ok=True)


def test_packed_channels_are_the_same_to_the_precision_of_float16(scenes, tmp_path, capsys):
    assert convert(capsys, scenes, tmp_path / "wide")[0] == 0
    assert convert(capsys, scenes, tmp_path / "narrow", "--packing", "float16")[0] == 0
    with (
        h5py.File(tmp_path / f"wide/day/{NAME}.hdf") as wide,
        h5py.File(tmp_path / f"narrow/day/{NAME}.hdf") as narrow,
    ):
        assert narrow["bts"].dtype == narrow["refs"].dtype == np.float16
        assert narrow["bts"].attrs["add_offset"] == 273.15
        kelvin = narrow["bts"][:].astype(np.float32) + 273.15
        assert kelvin == pytest.approx(wide["bts"][:], abs=0.04, nan_ok=True)
        assert narrow["refs"][:] == pytest.approx(wide["refs"][:], rel=1e-3, nan_ok=True)


def test_geolocation_comes_when_asked_for(scenes, tmp_path, capsys):
    assert convert(capsys, scenes, tmp_path / "out", "--geolocation")[0] == 0
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        assert file["latitude"].dtype == np.float32
        assert file["latitude"][:, 0] == pytest.approx(45 + 0.01 * np.arange(24))
        assert file["longitude"][0] == pytest.approx(-10 + 0.01 * np.arange(40))


def test_a_scene_that_knows_its_truth_hands_it_on(scenes, tmp_path, capsys):
    truth = np.random.default_rng(1).choice([0, 1, 255], (24, 40)).astype(np.uint8)
    with netCDF4.Dataset(scenes / f"{NAME}.SEN3/truth_in.nc", "w") as file:
        file.createDimension("rows", 24)
        file.createDimension("columns", 40)
        file.createVariable("cloud_in_truth", "u1", ("rows", "columns"))[:] = truth
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        assert (file["truth"][:] == truth).all()


def test_edge_chunks_reach_over_the_edge_with_no_values(scenes, tmp_path, capsys):
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    with h5py.File(tmp_path / f"out/day/{NAME}.hdf") as file:
        assert file["bts"].shape == (24, 40, 3)
        chunk = np.frombuffer(file["bts"].id.read_direct_chunk((16, 32, 0))[1], np.float32)
        chunk = chunk.reshape(PATCH, PATCH, 3)
        assert np.array_equal(chunk[:8, :8], file["bts"][16:, 32:])
        assert np.isnan(chunk[8:]).all()
        assert np.isnan(chunk[:, 8:]).all()


def test_native_values_agree_with_satpy(pristine):
    import satpy

    folder = pristine / f"{NAME}.SEN3"
    channels = (*THERMAL_CHANNELS, *SOLAR_CHANNELS)
    nothing_changed = {f"{channel}_nadir": 1.0 for channel in channels}
    reader = satpy.Scene(
        filenames=[str(path) for path in folder.glob("S?_[Br]*.nc")],
        reader="slstr_l1b",
        reader_kwargs={"user_calibration": nothing_changed},
    )
    for channel in channels:
        solar = channel in SOLAR_CHANNELS
        wanted = satpy.DataQuery(
            name=channel,
            view="nadir",
            stripe="a" if solar else "i",
            calibration="reflectance" if solar else "brightness_temperature",
        )
        reader.load([wanted])
        theirs = reader[wanted].values / (100 if solar else 1)
        scene = Scene(folder)
        native = conversion.native_reflectance if solar else conversion.native_temperature
        ours = native(scene, channel)
        filled = np.isfinite(ours)
        assert filled.mean() > 0.5
        assert ours[filled] == pytest.approx(theirs[filled], rel=1e-3)
        assert np.isnan(theirs[~filled]).mean() > 0.9


def test_a_finished_scene_is_left_alone_and_one_with_other_settings_or_source_is_not(
    scenes, tmp_path, capsys
):
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    path = tmp_path / f"out/day/{NAME}.hdf"
    first = path.stat().st_mtime_ns
    code, records, _ = convert(capsys, scenes, tmp_path / "out")
    assert code == 0
    assert path.stat().st_mtime_ns == first
    assert "scenes_per_second" not in records
    assert convert(capsys, scenes, tmp_path / "out", "--packing", "float16")[0] == 0
    second = path.stat().st_mtime_ns
    assert second != first
    (scenes / f"{NAME}.SEN3/xfdumanifest.xml").write_text("<other/>")
    assert convert(capsys, scenes, tmp_path / "out", "--packing", "float16")[0] == 0
    assert path.stat().st_mtime_ns != second


def test_a_scene_that_turns_from_day_to_night_is_not_there_twice(scenes, tmp_path, capsys):
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    shutil.rmtree(scenes)
    write_scene(scenes, make_content(rows=26, night=True))
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    assert list(files_in(tmp_path / "out")) == [f"night/{NAME}.hdf"]


def test_a_killed_conversion_ends_as_one_that_was_not_killed(pristine, tmp_path, capsys):
    names = [NAME.replace("T101500_", f"T1015{second:02d}_") for second in range(12)]
    for name in names:
        shutil.copytree(pristine / f"{NAME}.SEN3", tmp_path / f"in/{name}.SEN3")
    command = [sys.executable, "-m", "workloads.slstr", "convert_hdf", tmp_path / "in"]
    command += [tmp_path / "killed", "--patch-size", PATCH, "--workers", 1]
    run = subprocess.Popen(
        [str(each) for each in command], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not files_in(tmp_path / "killed") and run.poll() is None:
        assert time.monotonic() < deadline
        os.sched_yield()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert convert(capsys, tmp_path / "in", tmp_path / "killed")[0] == 0
    assert convert(capsys, tmp_path / "in", tmp_path / "whole")[0] == 0
    whole = files_in(tmp_path / "whole")
    assert len(whole) == 12
    assert files_in(tmp_path / "killed") == whole


def test_two_workers_write_what_one_writes(pristine, tmp_path, capsys):
    for name in (NAME, OTHER):
        shutil.copytree(pristine / f"{NAME}.SEN3", tmp_path / f"in/{name}.SEN3")
    assert convert(capsys, tmp_path / "in", tmp_path / "one")[0] == 0
    assert convert(capsys, tmp_path / "in", tmp_path / "two", "--workers", 2)[0] == 0
    assert len(files_in(tmp_path / "one")) == 2
    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")


def change(folder, file, act):
    with h5py.File(folder / file, "a") as opened:
        act(opened)


def refill(name, value):
    def act(file):
        file[name][...] = value

    return act


def resize(name, shape, dtype=None):
    def act(file):
        attributes = dict(file[name].attrs)
        values = np.zeros(shape, dtype or file[name].dtype)
        del file[name]
        file[name] = values
        for key in ("scale_factor", "add_offset", "_FillValue"):
            if key in attributes:
                file[name].attrs[key] = attributes[key]

    return act


def drop(holder, attribute):
    def act(file):
        del file[holder].attrs[attribute]

    return act


def remove(name):
    def act(file):
        del file[name]

    return act


BROKEN = [
    ("S8_BT_in.nc", refill("S8_BT_in", FILL), "no pixel is filled"),
    ("S3_radiance_an.nc", refill("S3_radiance_an", FILL), "no pixel is filled"),
    ("flags_in.nc", refill("confidence_in", 32), "no pixel is filled"),
    ("S7_BT_in.nc", resize("S7_BT_in", (24, 41)), "24x41.*24x40"),
    ("S7_BT_in.nc", resize("S7_BT_in", (24, 40), np.float32), "float32, not int16"),
    ("S5_radiance_an.nc", resize("S5_radiance_an", (24, 40)), "24x40.*48x80"),
    ("indices_an.nc", resize("detector_an", (48, 82)), "48x82"),
    ("flags_in.nc", resize("confidence_in", (24,)), "confidence_in has not rows and columns"),
    ("flags_in.nc", remove("bayes_in"), "bayes_in is missing"),
    ("S2_quality_an.nc", remove("S2_solar_irradiance_an"), "is missing"),
    ("S2_quality_an.nc", refill("S2_solar_irradiance_an", 0), "not a positive number"),
    ("S4_radiance_an.nc", drop("S4_radiance_an", "scale_factor"), "scale_factor of S4_radiance"),
    ("S9_BT_in.nc", drop("S9_BT_in", "_FillValue"), "_FillValue of S9_BT_in"),
    ("geometry_tn.nc", drop("/", "start_offset"), "start_offset"),
    ("geometry_tn.nc", resize("solar_zenith_tn", (3, 10)), "tie points do not cover"),
    ("flags_in.nc", drop("/", "start_time"), "start_time"),
]


@pytest.mark.parametrize(("file", "act", "reason"), BROKEN)
def test_a_broken_scene_is_named_with_its_file(scenes, tmp_path, capsys, file, act, reason):
    change(scenes / f"{NAME}.SEN3", file, act)
    result = convert(capsys, scenes, tmp_path / "out")
    assert_refused(result, f"{NAME}: {re.escape(file)}.*{reason}")
    assert files_in(tmp_path / "out") == {}


@pytest.mark.parametrize("file", ["S7_BT_in.nc", "S1_radiance_an.nc", "geometry_tn.nc"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "text"])
def test_a_file_that_is_missing_or_damaged_is_named(scenes, tmp_path, capsys, file, damage):
    path = scenes / f"{NAME}.SEN3" / file
    if damage == "missing":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"hello")
    words = "is missing" if damage == "missing" else "is damaged"
    assert_refused(convert(capsys, scenes, tmp_path / "out"), f"{NAME}: {re.escape(file)} {words}")


def test_a_chunk_that_does_not_inflate_is_named(scenes, tmp_path, capsys):
    path = scenes / f"{NAME}.SEN3/S6_radiance_an.nc"
    with h5py.File(path) as file:
        stored = file["S6_radiance_an"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    middle = stored.byte_offset + stored.size // 2
    content[middle : middle + 8] = b"\xff" * 8
    path.write_bytes(content)
    result = convert(capsys, scenes, tmp_path / "out")
    assert_refused(result, rf"{NAME}: S6_radiance_an\.nc is damaged")


def test_a_folder_that_is_not_called_as_a_scene_is_named(scenes, tmp_path, capsys):
    (scenes / f"{NAME}.SEN3").rename(scenes / "mine.SEN3")
    assert_refused(convert(capsys, scenes, tmp_path / "out"), "mine.*not the name of an SL_1_RBT")


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_without_scenes_is_refused(tmp_path, capsys, there):
    if there:
        (tmp_path / "in").mkdir()
    assert_refused(convert(capsys, tmp_path / "in", tmp_path / "out"), "in")
    assert not (tmp_path / "out").exists()


def test_broken_scenes_are_set_aside_when_asked(scenes, content, tmp_path, capsys):
    write_scene(scenes, content, OTHER)
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    (scenes / f"{OTHER}.SEN3/S7_BT_in.nc").unlink()
    code, records, error = convert(capsys, scenes, tmp_path / "out", "--keep-going")
    assert code == 0, error
    assert re.search('"key": "rejected_scenes", "value": 1', records)
    with (tmp_path / "out/rejected.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["scene", "reason"]
    assert row == [OTHER, "S7_BT_in.nc is missing: extract the scene again"]
    # What was made of the scene before it broke is gone.
    assert set(files_in(tmp_path / "out")) == {f"day/{NAME}.hdf", "rejected.csv"}
    (scenes / f"{NAME}.SEN3/flags_in.nc").write_bytes(b"broken")
    result = convert(capsys, scenes, tmp_path / "out", "--keep-going")
    assert_refused(result, "no scene in", r"rejected\.csv")
    with (tmp_path / "out/rejected.csv").open(newline="") as file:
        assert len(list(csv.reader(file))) == 3
    shutil.rmtree(scenes)
    write_scene(scenes, content)
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0
    assert set(files_in(tmp_path / "out")) == {f"day/{NAME}.hdf"}


def test_a_full_disk_leaves_nothing_that_looks_finished(scenes, tmp_path, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        result = convert(capsys, scenes, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_refused(result, "no space left", NAME)
    assert files_in(tmp_path / "out") == {}
    assert list((tmp_path / "out/day").iterdir()) == []
    assert convert(capsys, scenes, tmp_path / "out")[0] == 0


def test_detectors_have_their_own_irradiance(pristine, content):
    """With one for all, as in the published code, rows would be up to a per cent off."""
    ours = conversion.native_reflectance(Scene(pristine / f"{NAME}.SEN3"), "S1")
    filled = np.isfinite(ours)
    assert ours[filled] == pytest.approx(expected_native(content, "S1")[filled], rel=1e-5)
    single = content.raw["S1"] * SCALES["S1"] * np.pi / IRRADIANCES["S1"]
    assert np.abs(ours / single - 1)[filled].max() > 1e-3
