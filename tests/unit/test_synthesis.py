"""A dataset on disk is exact, resumes to the same bytes, and never looks finished too early."""

import fcntl
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from folder_contents import contents
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.common import building
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.skyline import chunks, synthesis
from workloads.skyline.chunks import plan
from workloads.skyline.layout import CLASSES, SPLITS
from workloads.skyline.synthesis import DatasetSize, generator_digest, synthesise

SIZE = DatasetSize(photographs=40, training=203, validation=70, testing=120, height=112, width=128)
SEED = 4


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One complete dataset, drawn by two processes, and what `synthesise` returned."""
    output = tmp_path_factory.mktemp("finished") / "dataset"
    return output, synthesise(output, SIZE, SEED, processes=2)


@pytest.fixture(scope="module")
def expected(finished):
    return contents(finished[0])


class Interruption(Exception):
    """Stands for whatever ends a run in its midst."""


def interrupt(_photographs):
    raise Interruption


def test_counts_on_disk_are_those_asked_for_half_positive_half_negative(finished):
    output, result = finished
    for split in SPLITS:
        total = getattr(SIZE, split)
        asked = {"positive": total - total // 2, "negative": total // 2}
        for kind in CLASSES:
            files = list((output / split / "patches" / kind).iterdir())
            assert len(files) == result["counts"][split][kind] == asked[kind]
    assert result["drawn"] == SIZE.photographs


def test_nothing_but_the_dataset_and_its_manifest_is_left(finished):
    output, result = finished
    assert {path.name for path in output.iterdir()} == {"manifest.json", "photographs", *SPLITS}
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    manifest = json.loads((output / "manifest.json").read_text())
    assert (manifest["seed"], manifest["size"]["training"]) == (SEED, SIZE.training)
    assert manifest["generator"] == generator_digest()
    assert {key: manifest[key] for key in ("counts", "digest")} == {
        key: result[key] for key in ("counts", "digest")
    }


def test_the_manifest_knows_the_photographs_and_annotations_of_each_split(finished):
    output, _ = finished
    digests = json.loads((output / "manifest.json").read_text())["photographs_digests"]
    for split in SPLITS:
        digest = FileSetDigest()
        for path in (output / "photographs" / split).iterdir():
            digest.add(path.name, path.read_bytes())
        assert digests[split] == str(digest)


def test_photographs_are_split_80_20_and_again_80_20(finished):
    output, result = finished
    numbers = {
        split: {path.stem for path in (output / "photographs" / split).glob("*.jpg")}
        for split in SPLITS
    }
    sizes = {split: len(members) for split, members in numbers.items()}
    assert sizes == {"training": 26, "validation": 6, "testing": 8}
    assert len(set.union(*numbers.values())) == SIZE.photographs
    assert {split: result["counts"][split]["photographs"] for split in SPLITS} == sizes


def test_patches_come_from_photographs_of_their_own_split(finished):
    output, _ = finished
    for split in SPLITS:
        photographs = {path.stem for path in (output / "photographs" / split).glob("*.jpg")}
        for kind in CLASSES:
            patches = (output / split / "patches" / kind).iterdir()
            assert {path.stem.split("_")[0] for path in patches} == photographs


def test_patches_are_29_pixels_square_and_photographs_have_their_annotation(finished):
    output, _ = finished
    for path in (output / "photographs" / "testing").glob("*.jpg"):
        annotation = json.loads(path.with_suffix(".json").read_text())
        photograph = simplejpeg.decode_jpeg(path.read_bytes())
        assert photograph.shape == (annotation["height"], annotation["width"], 3)
        assert len(annotation["skyline"]) == annotation["width"]
        patch = next((output / "testing" / "patches" / "positive").glob(f"{path.stem}_*.jpg"))
        assert simplejpeg.decode_jpeg(patch.read_bytes()).shape == (29, 29, 3)


def test_patches_carry_the_artefacts_of_the_photograph_they_were_cut_from(finished):
    output, _ = finished
    photographs = list((output / "photographs" / "testing").glob("*.jpg"))
    for path in photographs:
        skyline = json.loads(path.with_suffix(".json").read_text())["skyline"]
        photograph = simplejpeg.decode_jpeg(path.read_bytes()).astype(int)
        windows = np.stack(
            [
                photograph[skyline[column] - 14 : skyline[column] + 15, column - 14 : column + 15]
                for column in range(14, len(skyline) - 14)
            ]
        )
        for name in (output / "testing" / "patches" / "positive").glob(f"{path.stem}_*.jpg"):
            patch = simplejpeg.decode_jpeg(name.read_bytes()).astype(int)
            assert np.abs(windows - patch).mean(axis=(1, 2, 3)).min() < 3.0


def test_one_process_writes_what_two_write(finished, expected, tmp_path):
    result = synthesise(tmp_path / "dataset", SIZE, SEED, processes=1)
    assert contents(tmp_path / "dataset") == expected
    assert result["digest"] == finished[1]["digest"]


def test_another_seed_writes_other_photographs_and_patches(finished, expected, tmp_path):
    result = synthesise(tmp_path / "dataset", SIZE, SEED + 1)
    assert result["digest"] != finished[1]["digest"]
    assert not set(contents(tmp_path / "dataset").values()) & set(expected.values())


def test_an_interrupted_run_leaves_no_output_and_resumes_to_the_same_bytes(expected, tmp_path):
    output = tmp_path / "dataset"
    with pytest.raises(Interruption):
        synthesise(output, SIZE, SEED, interrupt, processes=1)
    assert not output.exists()
    seen: list[int] = []
    result = synthesise(output, SIZE, SEED, seen.append, processes=1)
    assert result["drawn"] == SIZE.photographs - chunks.PHOTOGRAPHS_PER_CHUNK
    assert seen == [16, 16, 8]
    assert contents(output) == expected
    assert list(tmp_path.iterdir()) == [output]


def test_a_chunk_without_its_marker_is_written_again(expected, tmp_path):
    output, unfinished = tmp_path / "dataset", tmp_path / "dataset.partial"
    with pytest.raises(Interruption):
        synthesise(output, SIZE, SEED, interrupt, processes=1)
    (unfinished / ".progress" / "chunk-000000.json").unlink()
    damaged = next(unfinished.glob("*/patches/positive/*.jpg"))
    damaged.write_bytes(b"half of a")
    assert synthesise(output, SIZE, SEED, processes=1)["drawn"] == SIZE.photographs
    assert contents(output) == expected


def test_a_run_that_ended_before_the_rename_draws_nothing_more(expected, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no rename today")

    output = tmp_path / "dataset"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", fail)
        with pytest.raises(OSError, match="no rename today"):
            synthesise(output, SIZE, SEED, processes=1)
    assert not output.exists()
    assert synthesise(output, SIZE, SEED)["drawn"] == 0
    assert contents(output) == expected


def test_a_finished_dataset_is_returned_at_once(finished, expected):
    output, first = finished
    again = synthesise(output, SIZE, SEED, interrupt)
    assert again["drawn"] == 0
    assert again["counts"] == first["counts"]
    assert contents(output) == expected


def test_the_end_of_another_run_is_waited_for_and_its_dataset_used(tmp_path):
    output = tmp_path / "dataset"
    call = (
        "import sys; from pathlib import Path; from workloads.skyline.synthesis import *; "
        f"print(synthesise(Path(sys.argv[1]), {SIZE!r}, {SEED}, processes=1)['drawn'])"
    )
    command = [sys.executable, "-c", call, str(output)]
    progress = tmp_path / "dataset.partial" / ".progress"
    progress.mkdir(parents=True)
    with (progress / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for run in runs:
            wait_until(partial(holds_open, run.pid, progress / "lock"))
    drawn = sorted(int(run.communicate(timeout=60)[0]) for run in runs)
    assert drawn == [0, SIZE.photographs]
    assert [path.name for path in tmp_path.iterdir()] == ["dataset"]


def test_an_output_finished_between_look_and_lock_is_used(finished, expected, monkeypatch):
    output, first = finished
    look, looks = building._finished, []

    def look_too_early_once(*arguments):
        looks.append(arguments)
        return None if len(looks) == 1 else look(*arguments)

    monkeypatch.setattr(building, "_finished", look_too_early_once)
    result = synthesise(output, SIZE, SEED, interrupt)
    assert (result["drawn"], result["digest"]) == (0, first["digest"])
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    assert contents(output) == expected


@pytest.mark.parametrize("other", [{"seed": SEED + 1}, {"size": DatasetSize(40, 203, 70, 122)}])
def test_an_output_of_another_seed_or_size_is_refused_and_kept(finished, expected, other):
    with pytest.raises(UnusableInput, match=r"delete it, or choose another folder"):
        synthesise(finished[0], **({"size": SIZE, "seed": SEED} | other))
    assert contents(finished[0]) == expected


def test_an_output_of_another_generator_is_refused(finished, monkeypatch):
    monkeypatch.setattr(synthesis, "generator_digest", lambda: "0" * 12)
    with pytest.raises(UnusableInput, match=r"something else \(generator differ"):
        synthesise(finished[0], SIZE, SEED)


def test_a_folder_that_is_no_dataset_is_refused_and_an_empty_one_used(tmp_path):
    occupied, empty = tmp_path / "occupied", tmp_path / "empty"
    occupied.mkdir()
    empty.mkdir()
    (occupied / "thesis.tex").write_text("years of work")
    with pytest.raises(UnusableInput, match="occupied is in the way"):
        synthesise(occupied, SIZE, SEED)
    assert (occupied / "thesis.tex").read_text() == "years of work"
    synthesise(empty, DatasetSize(3, 2, 2, 2, 96, 96), SEED, processes=1)
    assert (empty / "manifest.json").exists()


def test_an_unfinished_dataset_of_another_seed_is_refused(tmp_path):
    with pytest.raises(Interruption):
        synthesise(tmp_path / "dataset", SIZE, SEED, interrupt, processes=1)
    with pytest.raises(UnusableInput, match=r"dataset\.partial is unfinished work"):
        synthesise(tmp_path / "dataset", SIZE, SEED + 1)


@pytest.mark.parametrize(
    ("size", "seed", "message"),
    [
        (DatasetSize(2, 2, 2, 2), 1, "2 photographs cannot be split"),
        (DatasetSize(9, 2, 2, 2, height=80), 1, "320x80 pixels are too small"),
        (DatasetSize(9, -2, 2, 2), 1, "fewer than 0 patches"),
        (DatasetSize(9, 2, 2, 2), -1, "seed -1 is negative"),
        (DatasetSize(9, 2, 2, 2000), 1, "500 positive patches .* room for 292"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_written(size, seed, message, tmp_path):
    with pytest.raises(UnusableInput, match=message):
        synthesise(tmp_path / "dataset", size, seed)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    photographs=st.integers(3, 300),
    totals=st.tuples(*[st.integers(0, 20_000)] * 3),
    seed=st.integers(0, 2**32),
)
def test_plans_use_every_photograph_once_and_spread_patches_evenly(photographs, totals, seed):
    tasks = plan(DatasetSize(photographs, *totals), seed)
    assert [task.index for task in tasks] == list(range(photographs))
    for split, total in zip(SPLITS, totals, strict=True):
        positives = [task.positives for task in tasks if task.split == split]
        negatives = [task.negatives for task in tasks if task.split == split]
        assert sum(positives) == total - total // 2
        assert sum(negatives) == total // 2
        assert max(positives) - min(positives) <= 1
        assert max(negatives) - min(negatives) <= 1


def test_published_size_is_within_reach():
    size = DatasetSize(8_856, 1_699_328, 424_448, 530_944)
    tasks = plan(size, 1)
    assert sum(task.positives + task.negatives for task in tasks) == 2_654_720
    synthesis._check(size, 1)


def test_generator_digest_changes_with_the_source_of_any_module(tmp_path, monkeypatch):
    root = Path(synthesis.__file__).parents[1]
    for source in synthesis._GENERATOR:
        (tmp_path / source).parent.mkdir(exist_ok=True)
        (tmp_path / source).write_bytes((root / source).read_bytes())
    assert len(generator_digest()) == 12
    before = generator_digest()
    monkeypatch.setattr(synthesis, "__file__", str(tmp_path / "skyline" / "synthesis.py"))
    assert generator_digest() == before
    for source in synthesis._GENERATOR:
        (tmp_path / source).open("a").write("\n")
        assert generator_digest() != before
        before = generator_digest()


def test_no_space_left_names_the_file_and_leaves_no_output(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chunks.os, "write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        synthesise(tmp_path / "dataset", SIZE, SEED, processes=1)
    assert str(caught.value.filename).endswith(".jpg")
    assert not (tmp_path / "dataset").exists()


def holds_open(process, path):
    return any(leads_to(link, path) for link in Path(f"/proc/{process}/fd").iterdir())


def leads_to(link, path):
    try:
        return link.readlink() == path
    except FileNotFoundError:
        return False  # closed meanwhile


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{condition} never came true"
        os.sched_yield()
