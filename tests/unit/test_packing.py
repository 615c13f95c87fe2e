"""Packing: the same pixels, whatever the number of ranks; broken files named; resumable."""

import json
import resource
import shutil

import h5py
import numpy as np
import pytest
import simplejpeg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workloads.common.building import PROGRESS
from workloads.common.data_order import SHARDS, Share
from workloads.common.errors import UnusableInput
from workloads.skyline.__main__ import main
from workloads.skyline.dataset import layout_digest
from workloads.skyline.feeds import _read_share
from workloads.skyline.layout import SPLITS, list_patches
from workloads.skyline.packing import pack, shard_file


def write_patches(root, per_class, seed=0, size=29):
    """A dataset of random patches in the published layout; no manifest, as the real one."""
    rng = np.random.default_rng(seed)
    for split in SPLITS:
        for kind in ("positive", "negative"):
            folder = root / split / "patches" / kind
            folder.mkdir(parents=True)
            for number in range(per_class):
                pixels = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
                (folder / f"{number:04d}.jpg").write_bytes(simplejpeg.encode_jpeg(pixels))
    return root


@pytest.fixture
def patches(tmp_path):
    return write_patches(tmp_path / "patches", 40)


@given(st.integers(0, 2**31), st.sampled_from([1, 2, 3, 5, 8, 32]))
@settings(
    max_examples=6,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_the_ranks_read_is_what_the_jpegs_hold(tmp_path_factory, seed, ranks):
    root = write_patches(tmp_path_factory.mktemp("data") / "patches", 20, seed=seed % 1000)
    folder = root.parent / "packed"
    pack(root, folder, seed, processes=1)
    listing = list_patches(root, "training")
    read = {}
    for rank in range(ranks):
        share = Share(len(listing), seed, rank, ranks)
        inputs, targets = _read_share(folder, "training", share)
        for number, pixels, target in zip(share.owned, inputs, targets, strict=True):
            assert number not in read
            read[number] = (pixels, target)
    for number, patch in enumerate(listing):
        pixels, target = read[number]
        assert np.array_equal(pixels, simplejpeg.decode_jpeg((root / patch.name).read_bytes()))
        assert target == patch.label == ("positive" in patch.name)


def test_packing_again_decodes_nothing(patches, tmp_path):
    first, decoded = pack(patches, tmp_path / "packed", 1)
    assert decoded == 240
    assert pack(patches, tmp_path / "packed", 1) == (first, 0)
    assert first["counts"]["testing"] == {"positive": 40, "negative": 40}


def test_a_killed_packing_goes_on_and_ends_the_same(patches, tmp_path):
    whole, _ = pack(patches, tmp_path / "whole", 1)
    seen = []

    def interrupt(done):
        seen.append(done)
        if len(seen) == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(patches, tmp_path / "killed", 1, advance=interrupt, processes=1)
    assert not (tmp_path / "killed").exists()
    resumed, decoded = pack(patches, tmp_path / "killed", 1)
    assert 0 < decoded < 240
    assert resumed == whole
    for split in SPLITS:
        for shard in range(SHARDS):
            with (
                h5py.File(shard_file(tmp_path / "whole", split, shard)) as one,
                h5py.File(shard_file(tmp_path / "killed", split, shard)) as other,
            ):
                assert np.array_equal(one["patches"], other["patches"])
                assert np.array_equal(one["labels"], other["labels"])


@pytest.mark.parametrize("damage", ["text", "truncated", "wrong size", "empty"])
def test_a_broken_jpeg_is_named_and_left_out_only_when_asked(patches, tmp_path, damage):
    broken = patches / "training/patches/negative/0007.jpg"
    content = broken.read_bytes()
    small = simplejpeg.encode_jpeg(np.zeros((16, 20, 3), np.uint8))
    new = {"text": b"hello", "truncated": content[:40], "wrong size": small, "empty": b""}
    broken.write_bytes(new[damage])
    with pytest.raises(UnusableInput, match=r"negative/0007\.jpg.*--skip-broken"):
        pack(patches, tmp_path / "packed", 1)
    assert not (tmp_path / "packed").exists()
    manifest, decoded = pack(patches, tmp_path / "without", 1, skip_broken=True)
    assert manifest["broken"] == ["training/patches/negative/0007.jpg"]
    assert manifest["counts"]["training"] == {"positive": 40, "negative": 39}
    assert decoded == 239


def test_patches_that_differ_from_their_manifest_are_refused(tiny_patches, tmp_path):
    copied = tmp_path / "patches"
    shutil.copytree(tiny_patches, copied)
    folders = [copied / "training/patches" / kind for kind in ("positive", "negative")]
    swapped = sorted(folders[0].iterdir())[0]
    other = sorted(folders[1].iterdir())[0]
    one, two = swapped.read_bytes(), other.read_bytes()
    swapped.write_bytes(two)
    other.write_bytes(one)
    with pytest.raises(UnusableInput, match="not those of its manifest"):
        pack(copied, tmp_path / "packed", 1)
    swapped.write_bytes(one)
    other.write_bytes(two)
    manifest, _ = pack(copied, tmp_path / "packed", 1)
    assert manifest["digest"] == json.loads((copied / "manifest.json").read_text())["digest"]


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_a_split_without_one_class_is_refused(patches, tmp_path, kind):
    shutil.rmtree(patches / "validation/patches" / kind)
    with pytest.raises(UnusableInput, match=f"validation split has no {kind}"):
        pack(patches, tmp_path / "packed", 1)


def test_a_missing_or_empty_dataset_is_refused(tmp_path):
    with pytest.raises(UnusableInput, match="no dataset at"):
        pack(tmp_path / "nowhere", tmp_path / "packed", 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnusableInput, match="no patches at"):
        pack(tmp_path / "empty", tmp_path / "packed", 1)


def test_the_only_subfolder_of_an_archive_is_found(patches, tmp_path):
    nested = tmp_path / "archive"
    nested.mkdir()
    shutil.move(patches, nested / "skyline-extraction-patches-dataset")
    assert pack(nested, tmp_path / "packed", 1)[1] == 240


def test_a_full_disk_while_packing_leaves_nothing_that_looks_finished(patches, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            pack(patches, tmp_path / "packed", 1, processes=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "packed").exists()
    left = [each.name for each in (tmp_path / "packed.partial").iterdir()]
    assert left == [PROGRESS], "no half-written shard may stay"
    assert pack(patches, tmp_path / "packed", 1)[1] == 240


def test_shards_of_ones_own_are_taken_as_they_are(patches, tmp_path, capsys):
    manifest, _ = pack(patches, tmp_path / "packed", 1)
    before = sorted(tmp_path.rglob("*"))
    assert main(["pack", "--data", str(tmp_path / "packed")]) == 0
    assert manifest["digest"] in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_jpegs_of_ones_own_are_packed_into_the_cache_and_not_beside_themselves(
    patches, tmp_path, capsys
):
    before = sorted(patches.rglob("*"))
    command = ["pack", "--data", str(patches), "--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    assert "jpegs_per_second" in capsys.readouterr().out
    assert main(command) == 0
    assert "jpegs_per_second" not in capsys.readouterr().out
    assert sorted(patches.rglob("*")) == before
    assert len(list((tmp_path / "cache").glob("skyline/given-1-*/packed-1/*.h5"))) == 96
    new = patches / "training/patches/positive/new.jpg"
    shutil.copy(patches / "training/patches/positive/0001.jpg", new)
    assert main(command) == 0
    assert "jpegs_per_second" in capsys.readouterr().out, "changed data is packed anew"


def test_new_content_under_an_old_name_is_noticed(patches, tmp_path):
    first = pack(patches, tmp_path / "packed", 1)[0]
    path = patches / "training/patches/positive/0001.jpg"
    path.write_bytes((patches / "training/patches/negative/0001.jpg").read_bytes())
    with pytest.raises(UnusableInput, match=r"something else \(source differ"):
        pack(patches, tmp_path / "packed", 1)
    assert pack(patches, tmp_path / "again", 1)[0]["digest"] != first["digest"]


def test_a_dataset_with_fewer_files_than_its_manifest_says_is_refused(tiny_patches, tmp_path):
    shutil.copytree(tiny_patches, tmp_path / "data")
    layout_digest(tmp_path / "data")
    next((tmp_path / "data/training/patches/positive").iterdir()).unlink()
    with pytest.raises(UnusableInput, match="511 positive patches for training, its manifest"):
        layout_digest(tmp_path / "data")
