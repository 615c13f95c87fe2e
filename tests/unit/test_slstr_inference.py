"""Inference as a user runs it: masks of the published tiling, kept when they are there already."""

import dataclasses
import errno
import json
import re

import h5py
import numpy as np
import pytest
from slstr_scene_files import NAMES, SHAPES, make_scene, random_network, write, write_network

from workloads.common.errors import RunFailed
from workloads.slstr import inferring
from workloads.slstr.__main__ import main
from workloads.slstr.hdf_scenes import find_scene_files
from workloads.slstr.inferring import Inference, infer_all, mask_of
from workloads.slstr.presets import PRESETS
from workloads.slstr.product import UNFILLED
from workloads.slstr.scoring import Confusion, compare
from workloads.slstr.stages import inference as stage
from workloads.slstr.tiling import REACH

PATCH, STEP, BORDER = 256, 176, 40


@pytest.fixture(scope="module")
def scenes():
    """Two scenes of one size and one of another; of the last nobody knows the truth."""
    parts = zip(NAMES, SHAPES, (True, True, False), strict=True)
    return [make_scene(*each[:2], seed, each[2]) for seed, each in enumerate(parts)]


@pytest.fixture(scope="module")
def hdf(scenes, tmp_path_factory):
    """The folder of the scenes' files; not to be changed."""
    folder = tmp_path_factory.mktemp("hdf")
    for scene in scenes:
        write(folder, scene)
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The file of a network."""
    return write_network(tmp_path_factory.mktemp("network"))


@pytest.fixture(scope="module")
def whole(network, hdf, tmp_path_factory):
    """Predictions of the scenes; not to be changed."""
    folder = tmp_path_factory.mktemp("whole") / "predictions"
    assert main([str(each) for each in ("inference", network, hdf, folder, "--cpu-only")]) == 0
    return folder


def infer(capsys, *arguments):
    """Run the stage; its exit code, records by key, closing status, and errors."""
    code = main(["inference", *map(str, arguments), "--cpu-only"])
    out, error = capsys.readouterr()
    lines = [line.removeprefix(":::MLLOG ") for line in out.splitlines() if ":::MLLOG" in line]
    records = [json.loads(line) for line in lines]
    status = records[-1]["metadata"]["status"] if records else None
    return code, {each["key"]: each["value"] for each in records}, status, error


def predicted(folder, name):
    with h5py.File(folder / f"{name}.h5") as file:
        return file["mask"][...], file["probability"][...]


def published_mask(model, scene):
    """The mask of the published tiling: overlapping patches, of which the borders are dropped."""
    rows, columns = scene.channels.shape[1:]
    tiles = [-(-length // STEP) for length in (rows, columns)]
    padding = [
        n * STEP + 2 * BORDER - length for n, length in zip(tiles, (rows, columns), strict=True)
    ]
    before = [each // 2 for each in padding]
    padded = np.pad(
        scene.channels.transpose(1, 2, 0),
        [*((b, p - b) for b, p in zip(before, padding, strict=True)), (0, 0)],
        constant_values=np.nan,
    )
    mask = np.empty([n * STEP for n in tiles], np.uint8)
    for row in range(0, mask.shape[0], STEP):
        for column in range(0, mask.shape[1], STEP):
            patch = padded[None, row : row + PATCH, column : column + PATCH]
            core = np.asarray(model(patch))[0, BORDER:-BORDER, BORDER:-BORDER, 0]
            mask[row : row + STEP, column : column + STEP] = core >= 0.5
    first = [each - BORDER for each in before]
    return mask[first[0] : first[0] + rows, first[1] : first[1] + columns]


def away_from_seams(shape):
    """Pixels at which the published patches see all that these depend on."""
    near = []
    for length in shape:
        tiles = -(-length // STEP)
        first = BORDER - (tiles * STEP + 2 * BORDER - length) // 2
        seams = np.arange(1, tiles) * STEP + first
        pixels = np.arange(length)[:, None]
        near.append(((pixels >= seams - REACH + BORDER) & (pixels < seams + REACH - BORDER)).any(1))
    return ~(near[0][:, None] | near[1])


def test_the_mask_is_that_of_the_published_tiling(network, tmp_path):
    model = random_network()
    # Four patches: what happens where they meet is seen too.
    scene = make_scene(NAMES[0], (190, 230), 5)
    write(tmp_path / "hdf", scene)
    arguments = ("inference", network, tmp_path / "hdf", tmp_path / "out", "--cpu-only")
    assert main([str(each) for each in arguments]) == 0
    mask, probability = predicted(tmp_path / "out", scene.name)
    filled = scene.masks["bayes"] != UNFILLED
    expected = published_mask(model, scene)
    assert 0.2 < expected.mean() < 0.8
    differing = (mask != expected) & filled
    # Where patches meet, the published ones do not see all that a pixel depends on.
    assert not differing[away_from_seams(scene.channels.shape[1:])].any()
    assert differing.mean() < 1e-3
    assert (mask[~filled] == UNFILLED).all()
    assert np.isnan(probability[~filled]).all()
    # As float16 it may have become 0.5 from below.
    told = filled & (probability != 0.5)
    np.testing.assert_array_equal(mask_of(probability[told]), mask[told])


def test_scores_and_provenance_are_recorded(capsys, scenes, network, hdf, tmp_path):
    code, records, status, error = infer(capsys, network, hdf, tmp_path)
    assert (code, status) == (0, "success"), error
    for name in ("bayes", "truth"):
        total = Confusion()
        for scene in scenes:
            total += compare(predicted(tmp_path, scene.name)[0], scene.masks.get(name))
        assert records[f"{name}_accuracy"] == total.accuracy
        assert records[f"{name}_f1"] == total.f1
        assert records[f"{name}_iou"] == total.iou
    assert records["imgs_per_s"] == pytest.approx(len(scenes) / records["total"])
    assert (records["model"], records["engine"]) == ("unet", "tensorflow")
    assert records["ranks_agree"] is True
    assert records["dataset_digest"].startswith("sha256-sum:")
    assert records["peak_memory_bytes"] > 0
    assert (records["gpus_asked"], records["gpus_used"]) == (0, 0)


def test_a_measured_run_computes_scenes_again_and_scores_each_once(
    capsys, monkeypatch, scenes, network, hdf, tmp_path
):
    code, once, _, error = infer(capsys, network, hdf, tmp_path)
    assert code == 0, error
    limits = dataclasses.replace(PRESETS["smoke"]().limits, measured_seconds=9.0)
    preset = dataclasses.replace(PRESETS["smoke"](), limits=limits)

    def measured():
        """Measured for a while."""
        return preset

    monkeypatch.setitem(PRESETS, "smoke", measured)
    monkeypatch.setattr(stage, "repeated", lambda found, is_over: [*found, *found, found[0]])
    code, again, _, error = infer(capsys, network, hdf, tmp_path)
    assert code == 0, error
    assert again["kept_scenes"] == 0
    assert again["eval_samples"] == 2 * len(scenes) + 1
    assert again["imgs_per_s"] == pytest.approx(again["eval_samples"] / again["total"])
    for name in ("bayes_accuracy", "truth_accuracy", "bayes_iou"):
        assert again[name] == once[name]


@pytest.mark.parametrize("more", [0, 1, 5])
def test_scenes_are_repeated_from_the_first_on_until_it_is_over(more):
    answers = iter([False] * more + [True])
    found = list(inferring.repeated(["a", "b", "c"], lambda: next(answers)))
    assert found == list("abcabcab")[: 3 + more]


def test_nothing_is_said_of_a_truth_that_nobody_knows(capsys, network, tmp_path):
    write(tmp_path / "hdf", make_scene(NAMES[0], (40, 40), 0, truth=False))
    code, records, _, error = infer(capsys, network, tmp_path / "hdf", tmp_path / "out")
    assert code == 0, error
    assert "bayes_accuracy" in records
    assert "truth_accuracy" not in records


@pytest.mark.parametrize("side", [136, 176])
def test_the_mask_does_not_depend_on_the_tiling(capsys, network, hdf, whole, tmp_path, side):
    code, _, _, error = infer(capsys, network, hdf, tmp_path, "--tile", side)
    assert code == 0, error
    for name in NAMES:
        mask, probability = predicted(whole, name)
        tiled_mask, tiled_probability = predicted(tmp_path, name)
        np.testing.assert_array_equal(tiled_mask, mask)
        np.testing.assert_allclose(tiled_probability, probability, atol=1e-3)


def test_float16_scenes_give_nearly_the_same_mask(capsys, scenes, network, whole, tmp_path):
    for scene in scenes:
        write(tmp_path / "hdf", scene, "float16")
    code, _, _, error = infer(capsys, network, tmp_path / "hdf", tmp_path / "out")
    assert code == 0, error
    masks = [(predicted(whole, n)[0], predicted(tmp_path / "out", n)[0]) for n in NAMES]
    assert np.mean([(a != b).mean() for a, b in masks]) < 0.01


def test_what_is_finished_is_kept_and_still_scored(capsys, network, hdf, tmp_path):
    first = infer(capsys, network, hdf, tmp_path)[1]
    (tmp_path / f"{NAMES[1]}.h5").unlink()
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.h5")}
    code, again, _, error = infer(capsys, network, hdf, tmp_path)
    assert code == 0, error
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert (again["kept_scenes"], again["eval_samples"]) == (2, 3)
    assert "imgs_per_s" in first
    assert "imgs_per_s" not in again
    assert all(again[name] == first[name] for name in first if name.endswith(("_f1", "_iou")))


def test_another_network_precision_or_scene_is_computed_anew(capsys, scenes, network, tmp_path):
    hdf, other = tmp_path / "hdf", write_network(tmp_path / "other", seed=2)
    write(hdf, scenes[0])
    short = ("--precision", "mixed_bfloat16")
    for given, *options in ((network,), (other,), (other, *short)):
        assert infer(capsys, given, hdf, tmp_path / "out", *options)[1]["kept_scenes"] == 0
    write(hdf, scenes[0], "float16")
    assert infer(capsys, other, hdf, tmp_path / "out", *short)[1]["kept_scenes"] == 0


def test_stopped_half_way_and_started_again_it_ends_with_the_same_files(
    capsys, network, hdf, whole, tmp_path, monkeypatch
):
    write_prediction = inferring.write_prediction

    def fill_disk(folder, prediction):
        if prediction.scene == NAMES[1]:
            raise OSError(errno.ENOSPC, "No space left on device", str(folder / prediction.scene))
        write_prediction(folder, prediction)

    monkeypatch.setattr(inferring, "write_prediction", fill_disk)
    code, _, status, error = infer(capsys, network, hdf, tmp_path)
    assert (code, status) == (2, "failed")
    assert re.fullmatch(rf"error: no space left to write \(.*{NAMES[1]}\): .*\n", error)
    monkeypatch.undo()
    code, records, _, error = infer(capsys, network, hdf, tmp_path)
    assert (code, records["kept_scenes"]) == (0, 1), error
    for name in NAMES:
        assert (tmp_path / f"{name}.h5").read_bytes() == (whole / f"{name}.h5").read_bytes()


def test_scenes_are_shared_by_devices_and_come_in_order(hdf, tmp_path):
    found = find_scene_files(hdf) * 3
    asked = [[], []]

    def device(number):
        def compute(tile):
            asked[number].append(tile.shape)
            return np.full((1, tile.shape[1] - 96, tile.shape[2] - 96, 1), 0.75, np.float32)

        return compute

    inference = Inference([device(0), device(1)], tmp_path, {})
    outcomes = list(infer_all(inference, found))
    assert [each.bayes.pixels for each in outcomes] == [
        compare(np.ones(scene.shape, np.uint8), inferring.read_mask(scene, "bayes")).pixels
        for scene in found
    ]
    assert sum(map(len, asked)) == sum(each.computed for each in outcomes) >= 3


def test_a_probability_that_is_not_finite_fails_the_run(hdf, tmp_path):
    def broken(tile):
        return np.full((1, tile.shape[1] - 96, tile.shape[2] - 96, 1), np.nan, np.float32)

    with pytest.raises(RunFailed, match=f"{NAMES[0]} is not finite"):
        list(infer_all(Inference([broken], tmp_path, {}), find_scene_files(hdf)))
    assert not list(tmp_path.glob("*.h5"))


def assert_refused(result, pattern):
    code, _, _, error = result
    assert code == 2, error
    assert len(error.strip().splitlines()) == 1, error
    assert re.search(pattern, error), error


def test_what_cannot_be_used_is_refused_by_name(capsys, scenes, network, hdf, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    assert_refused(infer(capsys, network, tmp_path / "empty", out), "there are no scenes")
    assert_refused(infer(capsys, network, hdf, out, "--tile", 100), "tiles of 100 pixels")
    assert not out.exists()
    assert_refused(infer(capsys, tmp_path / "no.keras", hdf, out), r"no\.keras is not there")
    path = write(tmp_path / "hdf", scenes[0])
    path.write_bytes(path.read_bytes()[:-100_000])
    assert_refused(infer(capsys, network, tmp_path / "hdf", out), f"{path} cannot be read")
    assert not list(out.glob("*.h5"))
