"""Scenes in HDF5 files: found, read whole, read patch by patch, and kept."""

import errno
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slstr_hdf import converted_scene, write_scenes

from workloads.common.devices import open_devices
from workloads.common.errors import UnusableInput
from workloads.slstr import patch_cache
from workloads.slstr.hdf_scenes import (
    dataset_digest,
    find_scene_files,
    read_channels,
    read_mask,
)
from workloads.slstr.moments import moments_of, pooled
from workloads.slstr.patch_cache import PatchCache, on_disk, patch_bytes, require_memory
from workloads.slstr.patches import PatchReader
from workloads.slstr.product import UNFILLED

SHAPE, SIDE = (72, 104), 32


@pytest.fixture(scope="module")
def hdf(tmp_path_factory):
    """Ten scenes; not to be changed."""
    return write_scenes(tmp_path_factory.mktemp("hdf"), shape=SHAPE, patch_size=SIDE)


def channels_of(number):
    scene = converted_scene(number, SHAPE)
    return np.concatenate([scene.reflectances, scene.temperatures]).transpose(1, 2, 0)


def test_all_scenes_of_both_times_of_day_are_found_in_the_order_of_their_names(hdf):
    scenes = find_scene_files(hdf)
    assert [scene.name for scene in scenes] == [f"scene-{number:03d}" for number in range(10)]
    by_night = find_scene_files(hdf / "night")
    assert [scene.name for scene in by_night] == ["scene-002", "scene-005", "scene-008"]
    assert {scene.path.parent.name for scene in scenes} == {"day", "night"}


@pytest.mark.parametrize(("packing", "tolerance"), [("float32", 0.0), ("float16", 0.1)])
def test_a_scene_is_read_as_it_was_written(tmp_path, packing, tolerance):
    [*_, scene] = find_scene_files(write_scenes(tmp_path, 3, SHAPE, SIDE, packing))
    np.testing.assert_allclose(read_channels(scene), channels_of(2), rtol=0, atol=tolerance)
    assert (read_mask(scene, "truth") == converted_scene(2, SHAPE).masks["truth"]).all()
    assert read_mask(scene, "probability") is None


def test_the_digest_of_scenes_changes_with_any_of_them_and_not_with_their_place(hdf, tmp_path):
    scenes = find_scene_files(hdf)
    moved = shutil.copytree(hdf, tmp_path / "moved")
    assert dataset_digest(find_scene_files(moved)) == dataset_digest(scenes)
    assert dataset_digest(scenes[1:]) != dataset_digest(scenes)
    with h5py.File(moved / "day/scene-000.hdf", "a") as file:
        file.attrs["source"] = "another"
    assert dataset_digest(find_scene_files(moved)) != dataset_digest(scenes)


def cut(path):
    path.write_bytes(path.read_bytes()[:3000])


def make_other(path):
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 1


def remove_channels(path):
    with h5py.File(path, "a") as file:
        del file["refs"]


def narrow(path):
    with h5py.File(path, "a") as file:
        del file["bts"]
        file["bts"] = np.zeros((*SHAPE, 2), np.float32)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "cannot be read"),
        (make_other, "is not a scene that this version of convert_hdf wrote"),
        (remove_channels, "cannot be read"),
        (narrow, "channels of different grids"),
    ],
)
def test_a_file_that_is_no_scene_is_named(tmp_path, damage, message):
    write_scenes(tmp_path, 2, SHAPE, SIDE)
    damage(tmp_path / "day/scene-001.hdf")
    with pytest.raises(UnusableInput, match=rf"day/scene-001\.hdf.*{message}"):
        find_scene_files(tmp_path)


def test_a_folder_without_scenes_or_with_one_twice_is_refused(hdf, tmp_path):
    with pytest.raises(UnusableInput, match="convert some first"):
        find_scene_files(tmp_path)
    with pytest.raises(UnusableInput, match="is not a folder"):
        find_scene_files(tmp_path / "nowhere")
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(hdf / "day/scene-000.hdf", tmp_path / folder)
    with pytest.raises(UnusableInput, match="the same scene"):
        find_scene_files(tmp_path)


@given(seed=st.integers(0, 2**32 - 1), cuts=st.lists(st.integers(0, 30), max_size=3))
@settings(max_examples=30, deadline=None)
def test_moments_of_parts_together_are_those_of_all_filled_pixels(seed, cuts):
    rng = np.random.default_rng(seed)
    planes = (280 + 10 * rng.standard_normal((2, 30, 5))).astype(np.float32)
    planes[rng.random(planes.shape) < 0.3] = np.nan
    parts = np.split(planes, sorted(cuts), axis=1)
    together = pooled([moments_of([np.ascontiguousarray(each) for each in p]) for p in parts])
    assert (together.counts == np.isfinite(planes).sum(axis=(1, 2))).all()
    wide = planes.astype(np.float64)
    np.testing.assert_allclose(together.means, np.nanmean(wide, axis=(1, 2)), rtol=1e-9)
    np.testing.assert_allclose(together.variances, np.nanvar(wide, axis=(1, 2)), rtol=1e-6)


def test_a_scene_says_the_moments_of_its_channels(hdf):
    scene = find_scene_files(hdf)[0]
    channels = channels_of(0).astype(np.float64)
    np.testing.assert_allclose(scene.moments.means, np.nanmean(channels, axis=(0, 1)), rtol=1e-6)
    night = find_scene_files(hdf / "night")[0].moments
    assert (night.counts[:6] == 0).all()
    assert (night.counts[6:] == SHAPE[0] * (SHAPE[1] - 3)).all()


def padded(number, patch):
    """Patch (row, column) of the padded scene, and of its Bayesian mask."""
    rows, columns = (-(-side // SIDE) * SIDE for side in SHAPE)
    channels = np.full((rows, columns, 9), np.nan, np.float32)
    channels[: SHAPE[0], : SHAPE[1]] = channels_of(number)
    mask = np.full((rows, columns), UNFILLED, np.uint8)
    mask[: SHAPE[0], : SHAPE[1]] = converted_scene(number, SHAPE).masks["bayes"]
    row, column = (SIDE * index for index in patch)
    place = np.s_[row : row + SIDE, column : column + SIDE]
    return channels[place], mask[place]


def test_patches_cover_the_scenes_and_reach_over_their_edges(hdf):
    reader = PatchReader(find_scene_files(hdf))
    assert len(reader) == 10 * 3 * 4
    for number, (scene, *patch) in {0: (0, 0, 0), 17: (1, 1, 1), 119: (9, 2, 3)}.items():
        for found, expected in zip(reader.read(number), padded(scene, patch), strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["none", "memory", "disk"])
def test_every_cache_gives_the_same_patches_again(hdf, tmp_path, kind, monkeypatch):
    reader, numbers = PatchReader(find_scene_files(hdf)), np.array([5, 100, 17])
    reads = []
    read = reader.read
    monkeypatch.setattr(reader, "read", lambda number: reads.append(number) or read(number))
    size = patch_bytes(reader) * len(numbers)
    buffers = {"none": None, "memory": np.empty(size, np.uint8), "disk": on_disk(tmp_path, size)}
    cache = PatchCache(reader, numbers, buffers[kind])
    for _ in range(2):
        for position, number in enumerate(numbers):
            for found, expected in zip(cache.read(position), read(number), strict=True):
                np.testing.assert_array_equal(found, expected)
    assert len(reads) == (6 if kind == "none" else 3)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_without_room_is_refused_before_it_is_filled(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(patch_cache.os, "posix_fallocate", full)
    with pytest.raises(OSError, match=str(tmp_path)):
        on_disk(tmp_path, 10)
    with pytest.raises(UnusableInput, match="give --cache disk or none"):
        require_memory(open_devices(0, False), 2**60)


def test_scenes_that_are_not_alike_or_too_small_are_refused(tmp_path):
    scenes = find_scene_files(write_scenes(tmp_path / "a", 1, SHAPE, SIDE))
    other = find_scene_files(write_scenes(tmp_path / "b", 1, SHAPE, SIDE, "float16"))
    with pytest.raises(UnusableInput, match="convert all alike"):
        PatchReader([*scenes, *other])
    small = find_scene_files(write_scenes(tmp_path / "c", 1, (20, 104), SIDE))
    with pytest.raises(UnusableInput, match="smaller than a patch"):
        PatchReader(small)


def test_a_file_that_ends_within_a_chunk_is_named(tmp_path):
    [scene] = find_scene_files(write_scenes(tmp_path, 1, SHAPE, SIDE))
    reader = PatchReader([scene])
    reader.read(0)
    scene.path.write_bytes(scene.path.read_bytes()[:40_000])
    with pytest.raises(UnusableInput, match=r"scene-000\.hdf cannot be read"):
        for number in range(len(reader)):
            reader.read(number)
