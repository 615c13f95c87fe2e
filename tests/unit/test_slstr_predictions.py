"""Predictions on disk: whole, known again only by what made them, and errors that name the file."""

import errno
import re

import h5py
import numpy as np
import pytest

from workloads.common.errors import UnusableInput
from workloads.slstr.predictions import (
    Prediction,
    finished_prediction,
    predicted_scenes,
    prediction_file,
    read_mask_at,
    write_prediction,
)
from workloads.slstr.product import UNFILLED

SCENE = "a_scene"
MADE_WITH = {"model_digest": "d1", "precision": "float32"}


@pytest.fixture
def mask():
    drawn = np.random.default_rng(0).integers(0, 2, (6, 9)).astype(np.uint8)
    drawn[:, :2] = UNFILLED
    return drawn


@pytest.fixture
def folder(tmp_path, mask):
    probability = np.where(mask == UNFILLED, np.nan, 0.25 + 0.5 * mask).astype(np.float16)
    write_prediction(tmp_path, Prediction(SCENE, mask, probability, MADE_WITH))
    return tmp_path


def test_the_file_holds_mask_and_probability(folder, mask):
    with h5py.File(folder / f"{SCENE}.h5") as file:
        assert dict(file.attrs) == {
            "format": "trigpoint-slstr-prediction",
            "format_version": 1,
            "scene": SCENE,
            "made_with": '{"model_digest": "d1", "precision": "float32"}',
        }
        assert file["probability"].dtype == np.float16
        np.testing.assert_array_equal(file["mask"], mask)
        np.testing.assert_array_equal(np.isnan(file["probability"]), mask == UNFILLED)


def test_a_prediction_is_finished_if_it_was_made_with_the_same(folder, mask):
    np.testing.assert_array_equal(finished_prediction(folder, SCENE, MADE_WITH), mask)
    for other in ({"model_digest": "d2"}, {"precision": "mixed_bfloat16"}, {"tile": 3}):
        assert finished_prediction(folder, SCENE, MADE_WITH | other) is None
    assert finished_prediction(folder, "another", MADE_WITH) is None


def test_no_file_but_a_whole_prediction_is_finished(folder):
    path = prediction_file(folder, SCENE)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert finished_prediction(folder, SCENE, MADE_WITH) is None
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "another"
    assert finished_prediction(folder, SCENE, MADE_WITH) is None


def test_the_mask_is_read_at_any_pixels(folder, mask):
    rows, columns = np.array([5, 0, 5], np.int32), np.array([8, 0, 8], np.int32)
    read = read_mask_at(folder, SCENE, rows, columns)
    np.testing.assert_array_equal(read, mask[rows, columns])
    assert read[1] == UNFILLED


@pytest.mark.parametrize(("row", "column"), [(6, 0), (0, 9), (-1, 0), (0, -1)])
def test_pixels_outside_of_a_prediction_are_refused(folder, row, column):
    rows, columns = np.array([0, row]), np.array([0, column])
    pattern = rf"a_scene\.h5 has 6 rows and 9 columns, .* row {row}, column {column}"
    with pytest.raises(UnusableInput, match=pattern):
        read_mask_at(folder, SCENE, rows, columns)


def test_what_is_no_prediction_of_the_scene_is_refused_by_name(folder):
    pixel = np.zeros(1, np.int32)
    path = prediction_file(folder, SCENE)
    path.rename(prediction_file(folder, "another"))
    with pytest.raises(UnusableInput, match=re.escape(f"{path} cannot be read")):
        read_mask_at(folder, SCENE, pixel, pixel)
    with pytest.raises(UnusableInput, match=r"another\.h5 is not of the scene"):
        read_mask_at(folder, "another", pixel, pixel)
    path.write_bytes(b"no HDF5")
    with pytest.raises(UnusableInput, match=re.escape(f"{path} cannot be read")):
        read_mask_at(folder, SCENE, pixel, pixel)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "another"
    with pytest.raises(UnusableInput, match=r"a_scene\.h5 is not a prediction"):
        read_mask_at(folder, SCENE, pixel, pixel)


def test_the_names_of_scenes_are_those_of_whole_files(folder):
    (folder / ".b_scene.h5.123.partial").write_bytes(b"")
    (folder / ".c_scene.h5").write_bytes(b"")
    assert predicted_scenes(folder) == [SCENE]
    prediction_file(folder, SCENE).unlink()
    with pytest.raises(UnusableInput, match="there are no predictions"):
        predicted_scenes(folder)


def test_a_full_disk_leaves_the_earlier_prediction(folder, mask, monkeypatch):
    before = prediction_file(folder, SCENE).read_bytes()
    create = h5py.Group.create_dataset

    def fill_disk(self, name, **options):
        if name == "probability":
            raise OSError(errno.ENOSPC, "No space left on device")
        return create(self, name, **options)

    monkeypatch.setattr(h5py.Group, "create_dataset", fill_disk)
    with pytest.raises(OSError, match="No space left"):
        write_prediction(folder, Prediction(SCENE, mask, mask.astype(np.float16), {}))
    assert {path: path.read_bytes() for path in folder.iterdir()} == {
        prediction_file(folder, SCENE): before
    }
