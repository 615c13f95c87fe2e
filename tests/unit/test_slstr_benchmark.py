"""The benchmark of SLSTR: its sums, its verdicts, its published ways, and that it runs."""

import re
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tensorflow as tf

from tests.benchmarks import slstr as benchmark
from tests.benchmarks._shared.machine import Cost
from tests.benchmarks._shared.rounds import Rounds
from tests.benchmarks._shared.verdicts import Verdict, at_least, at_most, conclude, proportion
from tests.benchmarks._slstr import (
    conversion,
    inference,
    published,
    published_conversion,
    published_inference,
    published_training,
    scenes,
    sst,
    training,
)
from workloads.slstr.conversion import native_temperature
from workloads.slstr.product import Grid
from workloads.slstr.scoring import compare

HELD, MISSED, NOT_JUDGED = True, False, None
SMALL = Grid(64, 96)


def rounds_of(kind, seconds, **fields):
    """Three rounds of one unit each that took so many seconds, by either clock; one disturbed."""
    costs = {way: [Cost(each, each), Cost(9 * each, 9 * each)] * 2 for way, each in seconds.items()}
    return kind(dict.fromkeys(seconds, 1), {way: each[:3] for way, each in costs.items()}, **fields)


def judged(found):
    """What is said of each bound, not of whether a way is reproduced, nor of what has no bound."""
    verdicts = found.verdicts()
    return [each.holds for each in verdicts if not re.search("noted were|the seams of", each.text)]


def refused(found):
    return any(each.refused for each in found.verdicts())


def test_the_ways_of_a_round_take_turns_and_each_is_tidied_up_after():
    done = []
    rounds = Rounds({"one": 1, "other": 1})
    works = {way: lambda way=way: done.append(way) for way in rounds.done}
    for _ in range(2):
        rounds.turn(works, tidy=lambda: done.append("tidy"))
    assert done == ["one", "tidy", "other", "tidy"] * 2
    assert [len(costs) for costs in rounds.costs.values()] == [2, 2]


def test_a_ratio_is_of_what_was_done_in_the_time():
    rounds = Rounds({"one": 6, "other": 2}, {"one": [Cost(3.0, 6.0)], "other": [Cost(4.0, 1.0)]})
    assert rounds.rate("one", "wall") == 2.0
    assert rounds.ratio("one", "other", "wall") == 4.0
    assert rounds.ratio("one", "other", "cpu") == 0.5


@pytest.mark.parametrize(
    ("measured", "reproduced"), [(1.72, True), (1.68, False), (2.28, True), (2.32, False)]
)
def test_a_published_way_is_reproduced_within_15_per_cent_or_refused(measured, reproduced):
    verdict = proportion("it takes {} times as long", measured, 2.0)
    assert verdict.refused != reproduced
    assert str(verdict).startswith("holds" if reproduced else "not judged")
    assert f"it takes {measured} times as long, noted were 2 within 15%" in str(verdict)


@pytest.mark.parametrize(
    ("verdict", "holds"),
    [
        (at_least("{} times", 3.0, 3.0), HELD),
        (at_least("{} times", 2.999, 3.0), MISSED),
        (at_least("{} times", 4.0, 3.0, judges=False), NOT_JUDGED),
        (at_most("{} MB", 3.0, 3.0), HELD),
        (at_most("{} MB", 3.001, 3.0), MISSED),
    ],
)
def test_a_bound_itself_still_holds(verdict, holds):
    assert verdict.holds is holds


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict("a", HELD), Verdict("b", NOT_JUDGED)], 0),
        ([Verdict("a", HELD), Verdict("b", MISSED)], 1),
        ([Verdict("a", MISSED), Verdict("b", NOT_JUDGED, refused=True)], 2),
    ],
)
def test_the_exit_code_says_held_missed_or_refused(verdicts, code, capsys):
    assert conclude(verdicts) == code
    assert len(capsys.readouterr().out.splitlines()) == len(verdicts)


def conversions(published=4.06, one=0.35, two=0.2, megabytes=68.0, mebibytes=600):
    seconds = {
        conversion.PUBLISHED: published,
        conversion.INFLATING: 0.257,
        conversion.ONE: one,
        conversion.TWO: two,
    }
    found = rounds_of(conversion.Conversions, seconds, megabytes=megabytes)
    found.memory = {2: 2**29, 6: mebibytes * 2**20}
    return found


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ({}, [HELD, HELD, HELD, HELD, HELD]),
        ({"one": 0.46}, [MISSED, HELD, HELD, HELD, HELD]),
        ({"two": 0.26}, [HELD, MISSED, HELD, HELD, HELD]),
        ({"megabytes": 75.1}, [HELD, HELD, MISSED, HELD, HELD]),
        ({"mebibytes": 1_030}, [HELD, HELD, HELD, HELD, MISSED]),
        ({"published": 3.0}, [NOT_JUDGED, NOT_JUDGED, HELD, HELD, HELD]),
    ],
)
def test_conversion_is_judged_by_time_size_and_memory(monkeypatch, figures, holds):
    monkeypatch.setattr(conversion, "available_processors", lambda: 2)
    found = conversions(**figures)
    assert judged(found) == holds
    assert refused(found) == ("published" in figures)


def test_two_workers_are_not_judged_on_one_processor(monkeypatch):
    monkeypatch.setattr(conversion, "available_processors", lambda: 1)
    assert judged(conversions()) == [HELD, NOT_JUDGED, HELD, HELD, HELD]


def speeds(first=8.0, cached=7.3, float32=7.2, bfloat16=3.6, stall=0.01):
    seconds = {
        training.FIRST: first,
        training.CACHED: cached,
        training.COMPUTE: 7.2,
        training.FLOAT32: float32,
        training.PRODUCTS[training.FLOAT32]: 5.3,
    }
    if bfloat16:
        seconds |= {training.BFLOAT16: bfloat16, training.PRODUCTS[training.BFLOAT16]: 2.7}
    stalls = {way: stall for way in seconds if way in training.PRODUCTS}
    return rounds_of(training.Speeds, seconds, stalls=stalls)


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ({}, [HELD, HELD, HELD, HELD, HELD]),
        ({"float32": 7.6}, [MISSED, HELD, HELD, HELD, HELD]),
        ({"bfloat16": 3.85}, [HELD, HELD, HELD, HELD, MISSED]),
        ({"bfloat16": 3.9}, [HELD, HELD, MISSED, HELD, MISSED]),
        ({"stall": 0.06}, [HELD, MISSED, HELD, MISSED, HELD]),
        ({"first": 12.0}, [HELD, HELD, HELD, HELD, NOT_JUDGED]),
        ({"first": 10.0, "cached": 9.0}, [HELD, HELD, HELD, HELD, NOT_JUDGED]),
        ({"bfloat16": None}, [HELD, HELD, NOT_JUDGED]),
    ],
)
def test_training_is_judged_by_matrix_products_stall_and_the_published_way(figures, holds):
    found = speeds(**figures)
    assert judged(found) == holds
    assert refused(found) == ("first" in figures)


def inferences(published=5.58, float32=1.5, bfloat16=0.8, different=(0.0, 0.0009)):
    seconds = {
        inference.PUBLISHED: published,
        inference.LOAD: 0.61,
        inference.PREDICT: 4.04,
        inference.FLOAT32: float32,
    }
    if bfloat16:
        seconds[inference.BFLOAT16] = bfloat16
    shares = dict(zip((inference.FLOAT32, inference.BFLOAT16), different, strict=True))
    return rounds_of(inference.Inferences, seconds, different=shares)


@pytest.mark.parametrize(
    ("figures", "holds"),
    [
        ({}, [HELD, HELD, HELD, HELD]),
        ({"float32": 1.6}, [MISSED, HELD, HELD, HELD]),
        ({"bfloat16": 0.94}, [HELD, HELD, MISSED, HELD]),
        ({"different": (1e-7, 0.0)}, [HELD, MISSED, HELD, HELD]),
        ({"different": (0.0, 0.0011)}, [HELD, HELD, HELD, MISSED]),
        ({"published": 7.0}, [NOT_JUDGED, HELD, NOT_JUDGED, HELD]),
        ({"bfloat16": None}, [HELD, HELD, NOT_JUDGED]),
    ],
)
def test_inference_is_judged_by_its_speed_and_by_every_pixel(figures, holds):
    found = inferences(**figures)
    assert judged(found) == holds
    assert refused(found) == ("published" in figures)


@pytest.mark.parametrize(("comparison", "holds"), [(0.03, HELD), (0.031, MISSED)])
def test_the_comparison_of_matchups_may_take_three_medians(comparison, holds):
    found = rounds_of(sst.Comparisons, {sst.MEDIAN: 0.01, sst.COMPARISON: comparison})
    assert judged(found) == [holds]


@pytest.mark.parametrize("found", [conversions(), speeds(), inferences()])
def test_a_table_has_a_row_for_each_way(found):
    assert found.table().row_count == len(found.costs)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A few small scenes, of which three are by day."""
    monkeypatch.setattr(scenes, "SIZE", SMALL)
    monkeypatch.setattr(scenes, "NUMBER", 4)
    return scenes.draw(tmp_path)


def test_the_published_conversion_writes_64_bits_and_radiances_twice(drawn, tmp_path):
    [scene, *_] = drawn.unpacked
    published_conversion.convert(scene.folder, tmp_path / "scene.hdf")
    with h5py.File(tmp_path / "scene.hdf") as file:
        assert {name: (each.shape[2], each.dtype) for name, each in file.items()} == {
            "bts": (3, float),
            "rads": (6, float),
            "refs": (6, float),
            "bayes": (1, np.uint8),
            "summary": (1, np.int64),
        }
        assert all(each.shape[:2] == (SMALL.rows, SMALL.columns) for each in file.values())
        np.testing.assert_array_equal(file["rads"], file["refs"])
        np.testing.assert_allclose(file["bts"][..., 1], native_temperature(scene, "S8"), rtol=1e-6)
        assert np.isnan(file["bts"]).any()
        assert set(np.unique(file["summary"])) == {0, 1}


def test_scenes_are_kept_and_the_published_form_has_no_gaps(drawn, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*") if path.is_file()}
    again = scenes.draw(tmp_path)
    assert again == drawn
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(again.unpacked) == 3
    files = again.published(2)
    for path in files:
        with h5py.File(path) as file:
            assert np.isfinite(file["bts"]).all()
            assert np.isfinite(file["refs"]).all()
    written = [path.stat().st_mtime_ns for path in files]
    assert [path.stat().st_mtime_ns for path in again.published(2)] == written


def test_a_few_scenes_stand_for_many(drawn, tmp_path):
    many = scenes.linked(drawn.unpacked, tmp_path / "many", 7)
    assert len(list(many.iterdir())) == 7
    links = [scenes.Scene(path) for path in many.iterdir()]
    assert conversion._convert(links, tmp_path / "more") > 0
    assert len(list((tmp_path / "more" / "day").iterdir())) == 7


def test_the_published_tiling_has_63_patches_and_puts_every_pixel_back():
    image = np.random.default_rng(1).random((1_200, 1_500, 1), np.float32)
    patches = published.cut(tf.constant(image), published_inference.CORE, "SAME")
    assert patches.shape == (7, 9, 256, 256, 1)
    assert patches[0, 0, 56, 82, 0] == image[0, 0, 0]
    assert not patches[0, 0, :56].numpy().any()

    class Echo:
        def predict_on_batch(self, batch):
            return batch[..., :1].numpy()

    channels = tf.repeat(patches, published.CHANNELS, axis=-1)
    whole = published_inference.predict_patches(Echo(), channels, (1_200, 1_500))
    np.testing.assert_array_equal(whole, image[..., 0])


def write_published_scene(path, shape):
    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file["bts"], file["refs"] = (rng.normal(9, 3, (*shape, bands)) for bands in (3, 6))
        file["bayes"] = rng.integers(0, 16, (*shape, 1)).astype(np.uint8)


def test_the_published_scores_take_mask_and_flags_for_each_other(tmp_path):
    write_published_scene(tmp_path / "scene.hdf", (300, 400))
    inferred = published_inference.Inference(None, tmp_path / "scene.hdf", tmp_path / "out.h5")
    inferred.load()
    inferred.mask = np.random.default_rng(2).random((300, 400))
    found = inferred.score()
    with h5py.File(tmp_path / "scene.hdf") as file:
        flags, mask = file["bayes"][..., 0] > 0, inferred.mask > 0.5
    expected = compare(mask.astype(np.uint8), flags.astype(np.uint8))
    precision, recall = expected.hits / expected.masked, expected.hits / expected.cloudy
    # Of a pixel that is wrong, and surely so: the logarithm of what floats can tell from 1.
    loss = (1.0 - expected.accuracy) * -np.log(np.finfo(float).eps)
    assert found == pytest.approx([expected.accuracy, recall, precision, expected.f1, loss])


def test_only_what_lies_at_the_seams_of_the_published_tiles_is_left_out_of_the_judgement():
    seams = inference._at_seams((1_200, 1_500))
    # Cores begin 16 rows and 42 columns before the scene, every 176 pixels.
    rows, columns = (np.flatnonzero(~line) for line in (seams[:, 300], seams[300]))
    assert [rows[0], rows[153], rows[154]] == [0, 153, 166]
    assert [columns[0], columns[127], columns[128]] == [0, 127, 140]
    found = inference.Inferences()
    scene = SimpleNamespace(shape=(1_200, 1_500))
    expected = np.zeros(scene.shape, np.uint8)
    expected[300, 300] = expected[155, 300] = 1
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(inference, "_published_mask", lambda *_: expected)
        patched.setattr(inference, "_mask", lambda *_: np.zeros(scene.shape, np.uint8))
        inference._compare(found, dict.fromkeys(inference.PRECISIONS), None, None, [scene])
    assert found.at_seams == 1
    assert found.different[inference.FLOAT32] == 1 / np.count_nonzero(~seams)
    assert found.different[inference.BFLOAT16] == 2 / seams.size


def test_the_published_patches_are_those_of_the_middle():
    image = np.arange(300 * 800, dtype=np.float32).reshape(300, 800, 1)
    patches = published_training._patches(tf.constant(image))
    assert patches.shape == (3, 256, 256, 1)
    np.testing.assert_array_equal(patches[1], image[22:278, 272:528])


def test_the_published_pipeline_normalises_scenes_and_drops_what_fills_no_batch(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(published_training, "BATCH", 4)
    for name in "ab":
        write_published_scene(tmp_path / f"{name}.hdf", (300, 800))
    batches = list(published_training.pipeline([tmp_path / "a.hdf", tmp_path / "b.hdf"]))
    assert len(batches) == 1
    for channels, masks in batches:
        assert channels.shape == (4, 256, 256, 9)
        assert abs(float(tf.reduce_mean(channels))) < 0.02
        assert set(np.unique(masks)) == {0.0, 1.0}


def test_a_processor_without_bfloat16_is_not_measured_in_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(training, "measure", lambda *_: speeds(bfloat16=None))
    monkeypatch.setattr(scenes, "draw", lambda _: None)
    assert benchmark.main(["--parts", "training", "--cache", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "not judged: training: suite, bfloat16: the processor has no arithmetic" in printed


def test_conversion_and_comparison_are_measured(monkeypatch, tmp_path, drawn, capsys):
    monkeypatch.setattr(conversion, "SCENES_OF_TWO", 4)
    monkeypatch.setattr(conversion, "SCENES_OF_MEMORY", (2,))
    monkeypatch.setattr(sst, "MATCHUPS", 10_000)
    monkeypatch.setattr(scenes, "draw", lambda _: drawn)
    options = ["--rounds", "1", "--cache", str(tmp_path)]
    assert benchmark.main(["--parts", "conversion", "sst", *options]) in {0, 1, 2}
    printed = capsys.readouterr().out
    for way in (conversion.PUBLISHED, conversion.TWO, sst.COMPARISON):
        assert way in printed
    assert "MiB of memory for 2 scenes" in printed


def test_training_and_inference_are_measured_and_the_masks_are_those_of_the_published_tiling(
    monkeypatch, tmp_path, capsys
):
    for module, name, value in (
        (scenes, "SIZE", Grid(128, 160)),
        (scenes, "NUMBER", 4),
        (published, "SIDE", 128),
        (published_inference, "CORE", 48),
        (inference, "CORE", 48),
        (inference, "EPOCHS", 1),
        (training, "BATCH", 2),
        (training, "STEPS_COMPUTED_ALONE", 1),
        (training, "PRODUCTS_A_ROUND", 1),
        (published_training, "BATCH", 2),
    ):
        monkeypatch.setattr(module, name, value)
    options = ["--rounds", "1", "--cache", str(tmp_path)]
    assert benchmark.main(["--parts", "training", "inference", *options]) in {0, 1, 2}
    printed = capsys.readouterr().out
    for way in (*training.NOTED, *inference.NOTED, training.FLOAT32):
        assert way in printed
    assert "holds: inference: suite, float32: a share of 0 of pixels" in printed
