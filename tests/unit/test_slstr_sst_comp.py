"""The stage sst_comp: the figures of a table and predictions; whatever does not meet is named."""

import json
import re

import h5py
import numpy as np
import pytest
from PIL import Image

from workloads.common.digests import FileSetDigest
from workloads.slstr import matchup_table
from workloads.slstr.__main__ import main
from workloads.slstr.matchup_table import read_masks_at, read_matchups
from workloads.slstr.matchups import COLUMNS, draw_matchups, write_matchups
from workloads.slstr.predictions import Prediction, prediction_file, write_prediction
from workloads.slstr.product import UNFILLED, Grid
from workloads.slstr.scene import draw_scene

GRID = Grid(48, 64)
SCENES = ("morning", "noon", "evening")
EACH = 50
MADE_WITH = {"model_digest": "abc", "precision": "float32", "source": "its own"}


def predict(folder, name, mask, **made_with):
    probability = np.zeros(mask.shape, np.float16)
    write_prediction(folder, Prediction(name, mask, probability, MADE_WITH | made_with))


@pytest.fixture(scope="module")
def masks():
    rng = np.random.default_rng(5)
    return {name: (rng.random((20, 30)) < 0.7).astype(np.uint8) for name in SCENES}


@pytest.fixture(scope="module")
def parts(masks):
    """The match-ups of each scene: cold by 8 K where the network sees cloud, the operational mask
    calls every other clear one cloudy."""
    rng = np.random.default_rng(6)
    tables = []
    for name, mask in masks.items():
        part = np.zeros(EACH, COLUMNS)
        part["row"] = rng.integers(0, 20, EACH)
        part["column"] = rng.integers(0, 30, EACH)
        part["buoy_sst"] = 290 + rng.normal(size=EACH)
        cloud = mask[part["row"], part["column"]]
        part["satellite_sst"] = part["buoy_sst"] + 0.25 - 8 * cloud + 0.1 * rng.normal(size=EACH)
        part["operational_clear"] = (cloud == 0) & (np.arange(EACH) % 2 == 0)
        tables.append((name, part))
    return tables


@pytest.fixture
def given(parts, masks, tmp_path):
    """A table and predictions of one's own."""
    write_matchups(tmp_path / "matchups.h5", parts)
    for name, mask in masks.items():
        predict(tmp_path / "predictions", name, mask)
    return tmp_path / "matchups.h5", tmp_path / "predictions"


def compare(capsys, *arguments):
    code = main(["sst_comp", *map(str, arguments)])
    return code, *capsys.readouterr()


def assert_refused(result, *patterns):
    code, _, error = result
    assert code == 2, error
    assert len(error.strip().splitlines()) == 1, error
    for pattern in patterns:
        assert re.search(pattern, error), error


def change(path, column, index, value):
    with h5py.File(path, "r+") as file:
        file[column][index] = value


def replace(path, column, values):
    with h5py.File(path, "r+") as file:
        del file[column]
        file.create_dataset(column, data=values)


def records(output):
    lines = [line for line in output.splitlines() if line.startswith(":::MLLOG ")]
    return [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]


def values(output, kind):
    found = [each for each in records(output) if each["metadata"]["kind"] == kind]
    return {each["key"]: each["value"] for each in found}


def test_the_figures_are_those_of_the_groups(given, parts, masks, capsys):
    table, predictions = given
    code, output, error = compare(capsys, table, predictions)
    assert code == 0, error
    together = np.concatenate([part for _, part in parts])
    difference = together["satellite_sst"] - together["buoy_sst"]
    clear = np.concatenate([masks[name][part["row"], part["column"]] == 0 for name, part in parts])
    groups = {
        "all": difference,
        "network": difference[clear],
        "operational": difference[together["operational_clear"] == 1],
    }
    metrics = values(output, "metric")
    for group, each in groups.items():
        median = np.median(each.astype(np.float64))
        deviation = 1.4826 * np.median(np.abs(each.astype(np.float64) - median))
        assert metrics[f"sst_bias_{group}"] == median
        assert metrics[f"sst_robust_deviation_{group}"] == pytest.approx(deviation, rel=1e-12)
    assert metrics["sst_absolute_bias_network"] == abs(metrics["sst_bias_network"]) < 0.5
    reduction = abs(metrics["sst_bias_all"]) - metrics["sst_absolute_bias_network"]
    assert metrics["sst_bias_reduction"] == reduction > 3
    assert metrics["matchups_per_second"] > 0
    numbers = {
        each["metadata"]["group"]: each["value"]
        for each in records(output)
        if each["key"] == "matchups"
    }
    assert numbers == {group: each.size for group, each in groups.items()}


def test_inverted_masks_do_not_mend_the_bias(given, masks, capsys):
    table, predictions = given
    for name, mask in masks.items():
        predict(predictions, name, 1 - mask)
    code, output, _ = compare(capsys, table, predictions)
    assert code == 0
    assert values(output, "metric")["sst_bias_reduction"] < 0


def test_a_table_a_csv_and_a_histogram_are_made(given, capsys):
    table, predictions = given
    code, output, _ = compare(capsys, table, predictions)
    assert code == 0
    assert "clear by the operational mask" in output
    folder = predictions / "sst_comp"
    names = {"sst_comp.csv", "sst_comp.png", "sst_comp.records.log", ".lock"}
    assert {path.name for path in folder.iterdir()} == names
    with Image.open(folder / "sst_comp.png") as picture:
        assert len(picture.getcolors(10_000)) > 3
    first = (folder / "sst_comp.csv").read_bytes()
    assert compare(capsys, table, predictions)[0] == 0
    assert (folder / "sst_comp.csv").read_bytes() == first


def test_output_goes_where_it_is_asked_to(given, tmp_path, capsys):
    table, predictions = given
    assert compare(capsys, table, predictions, "--output", tmp_path / "elsewhere")[0] == 0
    assert (tmp_path / "elsewhere" / "sst_comp.csv").is_file()
    assert not (predictions / "sst_comp").exists()


def test_the_records_say_what_was_compared(given, capsys):
    table, predictions = given
    _, output, _ = compare(capsys, table, predictions)
    told = values(output, "provenance")
    digest = FileSetDigest()
    digest.add("matchups.h5", table.read_bytes())
    assert told["dataset_digest"] == str(digest)
    assert (told["model_digest"], told["precision"]) == ("abc", "float32")


def test_match_ups_in_any_order_and_byte_order_are_looked_up_in_their_own_scene(
    given, masks, monkeypatch
):
    path, predictions = given
    shuffled = np.random.default_rng(1).permutation(len(SCENES) * EACH)
    with h5py.File(path) as file:
        columns = {name: file[name][:][shuffled] for name in COLUMNS.names}
    for name, column in columns.items():
        replace(path, name, column.astype(column.dtype.newbyteorder(">")))
    opened = []

    def counting(folder, name, rows, columns):
        opened.append(name)
        return masks[name][rows, columns]

    table = read_matchups(path)
    found = read_masks_at(table, predictions)
    names = np.array(SCENES)[columns["scene"]]
    places = zip(names, columns["row"], columns["column"], strict=True)
    assert found.tolist() == [masks[name][row, column] for name, row, column in places]
    monkeypatch.setattr(matchup_table, "read_mask_at", counting)
    assert np.array_equal(read_masks_at(table, predictions), found)
    assert sorted(opened) == sorted(SCENES)


def test_a_scene_without_match_ups_takes_part(given, masks, parts, capsys):
    table, predictions = given
    write_matchups(table, [parts[0], (parts[1][0], parts[1][1][:0]), parts[2]])
    code, output, _ = compare(capsys, table, predictions)
    assert code == 0
    numbers = [each["value"] for each in records(output) if each["key"] == "matchups"]
    assert numbers[0] == 2 * EACH


def test_what_nothing_is_known_of_is_left_out_and_counted(given, masks, parts, capsys):
    table, predictions = given
    change(table, "satellite_sst", slice(3, 10), np.nan)
    unfilled = masks["evening"].copy()
    part = parts[2][1]
    unfilled[part["row"][:5], part["column"][:5]] = UNFILLED
    predict(predictions, "evening", unfilled)
    lost = int((unfilled[part["row"], part["column"]] == UNFILLED).sum())
    code, output, error = compare(capsys, table, predictions)
    assert code == 0, error
    events = records(output)
    left_out = {
        each["metadata"]["reason"]: each["value"]
        for each in events
        if each["key"] == "left_out_matchups"
    }
    assert left_out == {"without_satellite": 7, "unfilled_in_mask": lost}
    numbers = [each["value"] for each in events if each["key"] == "matchups"]
    assert numbers[0] == len(SCENES) * EACH - 7 - lost


def test_masks_without_a_judgement_are_refused(given, masks, capsys):
    table, predictions = given
    for name, mask in masks.items():
        predict(predictions, name, np.full_like(mask, UNFILLED))
    assert_refused(compare(capsys, table, predictions), "judged no pixel")


def test_a_network_that_sees_cloud_everywhere_fails_the_run(given, masks, capsys):
    table, predictions = given
    for name, mask in masks.items():
        predict(predictions, name, np.ones_like(mask))
    code, output, error = compare(capsys, table, predictions)
    assert code == 1
    assert "none of 150 match-ups is clear by the network mask" in error
    assert values(output, "metric") == {}
    assert not (predictions / "sst_comp" / "sst_comp.csv").exists()


def test_scenes_without_predictions_are_named(given, capsys):
    table, predictions = given
    prediction_file(predictions, "noon").unlink()
    result = compare(capsys, table, predictions)
    assert_refused(result, "1 of the 3 scenes", "noon.h5", "run inference")
    assert not (predictions / "sst_comp").exists()


def test_predictions_that_no_match_up_speaks_of_are_named(given, masks, capsys):
    table, predictions = given
    predict(predictions, "midnight", masks["noon"])
    result = compare(capsys, table, predictions)
    assert_refused(result, "1 of the 4 predictions", "the first midnight")


def test_predictions_of_two_networks_are_refused(given, masks, capsys):
    table, predictions = given
    predict(predictions, "noon", masks["noon"], model_digest="def")
    assert_refused(compare(capsys, table, predictions), "noon.h5", "different networks")


def test_a_prediction_that_does_not_say_what_made_it_is_named(given, capsys):
    table, predictions = given
    with h5py.File(prediction_file(predictions, "noon"), "r+") as file:
        file.attrs["made_with"] = "{}"
    assert_refused(compare(capsys, table, predictions), "noon.h5 does not say", "inference")


def test_a_folder_without_predictions_is_named(given, tmp_path, capsys):
    assert_refused(compare(capsys, given[0], tmp_path / "nowhere"), "no predictions.*nowhere")


def test_a_match_up_outside_of_the_scene_is_named(given, capsys):
    table, predictions = given
    change(table, "row", EACH + 3, 20)
    assert_refused(compare(capsys, table, predictions), "noon.h5", "row 20")


REFUSALS = {
    "no such scene": (("scene", 4, 3), "`scene` is not one of 3 in 1 of 150", "first in number 4"),
    "a scene before the first": (("scene", 4, -1), "`scene`"),
    "a negative row": (("row", 0, -1), "`row` is negative"),
    "a negative column": (("column", 149, -2), "`column` is negative", "number 149"),
    "a buoy that says nothing": (("buoy_sst", 2, np.nan), "`buoy_sst` is not from 100 to 400 K"),
    "a buoy in Celsius": (
        ("buoy_sst", slice(0, 9), 14.0),
        "`buoy_sst`",
        "in 9 of 150",
        "number 0$",
    ),
    "an infinite satellite": (("satellite_sst", 2, np.inf), "`satellite_sst` is not from 100"),
    "a fill value": (("satellite_sst", 2, -32768.0), "`satellite_sst`", "nor NaN"),
    "a flag of two": (("operational_clear", 7, 2), "neither 0 nor 1"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_values_that_cannot_be_are_named(what, given, capsys):
    (column, index, value), *patterns = REFUSALS[what]
    table, predictions = given
    change(table, column, index, value)
    assert_refused(compare(capsys, table, predictions), "matchups.h5", *patterns)


@pytest.mark.parametrize("column", COLUMNS.names)
def test_a_column_that_is_missing_short_or_of_another_type_is_named(column, given, capsys):
    table, predictions = given
    with h5py.File(table) as file:
        whole = file[column][:]
    for wrong, pattern in (
        (whole[:-1], f"differ in length.*{column} 149"),
        (whole.astype(np.int64), f"`{column}` in .* is int64"),
        (whole[:, None], rf"`{column}` in .*\(150, 1\)"),
    ):
        replace(table, column, wrong)
        assert_refused(compare(capsys, table, predictions), pattern)
    with h5py.File(table, "r+") as file:
        del file[column]
    assert_refused(compare(capsys, table, predictions), f"no column `{column}`")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (None, "no `scenes`"),
        ([1, 2, 3], "no `scenes`"),
        (["morning", "noon", "noon"], "a scene twice"),
        ([b"morning", b"noon", b"\xff\xfe"], "cannot be read"),
    ],
)
def test_names_of_scenes_that_are_of_no_use_are_refused(names, pattern, given, capsys):
    table, predictions = given
    with h5py.File(table, "r+") as file:
        del file["scenes"]
        if names is not None:
            file["scenes"] = names
    assert_refused(compare(capsys, table, predictions), pattern)


def test_an_empty_table_is_refused(given, parts, capsys):
    table, predictions = given
    write_matchups(table, [(name, part[:0]) for name, part in parts])
    assert_refused(compare(capsys, table, predictions), "matchups.h5 .*nothing to compare")


def test_a_table_whose_satellite_saw_nothing_is_refused(given, capsys):
    table, predictions = given
    change(table, "satellite_sst", slice(None), np.nan)
    assert_refused(compare(capsys, table, predictions), "no match-up with a satellite temperature")


@pytest.mark.parametrize("content", [b"", b"no table at all", None])
def test_a_file_that_is_no_table_is_named(content, given, capsys):
    table, predictions = given
    table.unlink()
    if content is not None:
        table.write_bytes(content)
    assert_refused(compare(capsys, table, predictions), "matchups.h5 cannot be read")


def test_a_truncated_table_is_named(given, capsys):
    table, predictions = given
    table.write_bytes(table.read_bytes()[:4000])
    assert_refused(compare(capsys, table, predictions), "matchups.h5 cannot be read")


def test_the_table_that_is_drawn_is_read_and_the_true_mask_mends_its_bias(tmp_path, capsys):
    scenes = [draw_scene(5, number, GRID) for number in range(6)]
    tables = [(scene.name, draw_matchups(scene, 5, n)) for n, scene in enumerate(scenes)]
    write_matchups(tmp_path / "sst_matchups.h5", tables)
    for scene in scenes:
        predict(tmp_path / "predictions", scene.name, (scene.clouds.depth > 0.02).astype(np.uint8))
    code, output, error = compare(capsys, tmp_path / "sst_matchups.h5", tmp_path / "predictions")
    assert code == 0, error
    metrics = values(output, "metric")
    assert metrics["sst_absolute_bias_network"] < 0.3
    assert metrics["sst_bias_reduction"] > 0.5
