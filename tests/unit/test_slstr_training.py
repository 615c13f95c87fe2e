"""Training of the cloud mask: what it learns from, what it leaves, and that it does not depend on
caches, interruptions or the number of processes."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from slstr_hdf import write_scenes

from workloads.common import checkpoints
from workloads.common.devices import open_devices
from workloads.common.errors import UnusableInput
from workloads.slstr.__main__ import main
from workloads.slstr.hdf_scenes import find_scene_files, read_channels
from workloads.slstr.model import NORMALISATION, build
from workloads.slstr.moments import Moments
from workloads.slstr.networks import load_network, save_network
from workloads.slstr.objective import BORDER, CloudMasking
from workloads.slstr.patch_feeds import split_scenes
from workloads.slstr.product import UNFILLED
from workloads.slstr.training_summary import COLUMNS, add_to_summary

CHECKOUT = Path(__file__).parents[2]
TINY = ("--preset", "tiny", "--gpus", "0", "--no-telemetry", "--epochs", "4", "--batch-size", "8")
PATIENCE = 240


@pytest.fixture(scope="module")
def hdf(tmp_path_factory):
    """Ten scenes of twelve patches; not to be changed."""
    return write_scenes(tmp_path_factory.mktemp("hdf"))


@pytest.fixture(scope="module")
def devices():
    return open_devices(0, True)


def train(hdf, output, *options):
    return main(["train", *map(str, (hdf, output, *TINY, *options))])


def figures_in(folder):
    lines = (folder / "train.records.log").read_text().splitlines()
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return {record["key"]: record["value"] for record in records}


@pytest.fixture(scope="module")
def trained(hdf, tmp_path_factory):
    """The OUT of an uninterrupted training; not to be changed."""
    output = tmp_path_factory.mktemp("trained") / "model"
    assert train(hdf, output, "--summary", output.with_name("results.csv")) == 0
    return output


def weights_in(folder):
    with h5py.File(folder / checkpoints.LAST) as file:
        return {
            f"{group}/{name}": file[group][name][()]
            for group in ("weights", "optimizer")
            for name in file[group]
        }


def assert_same_run(folder, other):
    weights, others = weights_in(folder), weights_in(other)
    assert weights.keys() == others.keys()
    assert all((weights[name] == others[name]).all() for name in weights)
    names = ("train_loss", "test_loss", "test_accuracy")
    assert [figures_in(folder)[name] for name in names] == [
        figures_in(other)[name] for name in names
    ]


def test_it_learns_and_reports_every_published_column(trained):
    figures = figures_in(trained)
    assert figures["test_accuracy"] > 0.9
    assert figures["train_loss"] < 0.2
    with trained.with_name("results.csv").open() as file:
        [row] = csv.DictReader(file)
    assert tuple(row) == COLUMNS
    assert all(row.values())
    assert float(row["test_accuracy"]) == figures["test_accuracy"]
    per_second = float(row["imgs_per_s_second_epoch"])
    assert per_second * float(row["second_epoch_train_time"]) == pytest.approx(96)
    assert float(row["first_epoch_time"]) >= float(row["first_epoch_train_time"])
    assert (row["num_ranks"], row["batch_size"], row["epochs"]) == ("1", "8", "4")


def test_the_published_columns_are_those_of_the_published_table():
    header = (CHECKOUT / "perflogs/published/slstr_training.csv").read_text().splitlines()[0]
    assert tuple(header.split(",")) == COLUMNS


def test_a_second_run_adds_a_row_to_the_summary(hdf, trained, tmp_path):
    summary = tmp_path / "results.csv"
    summary.write_text(trained.with_name("results.csv").read_text())
    options = ("--epochs", 1, "--summary", summary)
    assert train(hdf, tmp_path / "short", *options) == 0
    with summary.open() as file:
        first, second = csv.DictReader(file)
    assert first["epochs"] == "4"
    assert (second["epochs"], second["second_epoch_time"]) == ("1", "")
    assert second["index"] == "short"


@pytest.mark.parametrize("cache", ["disk", "none"])
def test_training_is_the_same_whatever_cache(hdf, trained, tmp_path, cache):
    assert train(hdf, tmp_path / "model", "--cache", cache) == 0
    assert_same_run(tmp_path / "model", trained)


def test_a_killed_run_goes_on_and_ends_the_same(hdf, trained, tmp_path):
    command = [sys.executable, "-m", "workloads.slstr", "train", hdf, tmp_path / "model", *TINY]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        # A checkpoint of the first epoch is there when the second begins.
        if '"epoch_start", "value": 2' in line:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert not (tmp_path / "model/model.keras").exists()
    assert train(hdf, tmp_path / "model") == 0
    assert "resumed" in figures_in(tmp_path / "model")
    assert_same_run(tmp_path / "model", trained)


def test_the_split_is_by_scene_and_depends_on_the_seed_alone(hdf):
    scenes = find_scene_files(hdf)
    split = split_scenes(scenes, 1)
    assert (len(split.training), len(split.testing)) == (8, 2)
    assert {each.name for each in (*split.training, *split.testing)} == {s.name for s in scenes}
    again = split_scenes(scenes, 1)
    assert [each.name for each in again.training] == [each.name for each in split.training]
    names = {each.name for each in split.testing}
    others = [{each.name for each in split_scenes(scenes, seed).testing} for seed in range(2, 9)]
    assert any(other != names for other in others)
    with pytest.raises(UnusableInput, match="only scene"):
        split_scenes(scenes[:1], 1)


def test_the_loss_is_that_of_filled_pixels_within_the_border():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (2, 40, 48)).astype(np.uint8)
    targets[0, 20:, :] = UNFILLED
    scores = rng.normal(size=(2, 40, 48, 1)).astype(np.float32)
    objective = CloudMasking("float32")
    losses = np.asarray(objective.losses(targets, scores))
    counts = np.asarray(objective.counts(targets, scores))
    inner = np.s_[:, BORDER:-BORDER, BORDER:-BORDER]
    masks, wide = targets[inner], scores[inner][..., 0].astype(np.float64)
    probability = 1 / (1 + np.exp(-wide))
    each = -0.5 * np.log(np.where(masks == 1, probability, 1 - probability))
    each[masks == UNFILLED] = 0
    np.testing.assert_allclose(losses, each.mean(axis=(1, 2)), rtol=1e-5)
    right = (masks != UNFILLED) & ((wide >= 0) == (masks == 1))
    expected = [right.mean(axis=(1, 2)), (masks != UNFILLED).mean(axis=(1, 2))]
    np.testing.assert_allclose(counts.T, expected, rtol=1e-6)
    scores[:, :BORDER] = targets[:, -BORDER:] = 0
    np.testing.assert_allclose(np.asarray(objective.losses(targets, scores)), losses)


def test_packed_temperatures_are_put_back_into_kelvin(tmp_path):
    [scene] = find_scene_files(write_scenes(tmp_path, 1, packing="float16"))
    with h5py.File(scene.path) as file:
        packed = np.concatenate([file["refs"][...], file["bts"][...]], axis=-1)
    prepared = np.asarray(CloudMasking("float16").prepare(packed, None))
    np.testing.assert_array_equal(prepared, read_channels(scene))


def test_the_network_sees_channels_normalised_and_0_where_there_is_none():
    keras.utils.set_random_seed(1)
    model = build()
    layer = model.get_layer(NORMALISATION)
    means, variances = np.arange(9.0), np.array([4.0] * 8 + [0.0])
    layer.set_moments(Moments(np.full(9, 10.0), means, variances))
    channels = np.broadcast_to(means + 2, (1, 8, 8, 9)).astype(np.float32).copy()
    channels[0, 0, 0, 3] = np.nan
    normal = np.asarray(layer(channels))
    expected = np.broadcast_to([1.0] * 8 + [2.0], (1, 8, 8, 9)).copy()
    expected[0, 0, 0, 3] = 0
    np.testing.assert_allclose(normal, expected, rtol=1e-6)


def test_the_moments_are_those_of_the_training_scenes_and_are_saved(hdf, trained, devices):
    scenes = split_scenes(find_scene_files(hdf), 1)
    pixels = np.concatenate([read_channels(scene).reshape(-1, 9) for scene in scenes.training])
    layer = load_network(trained, devices, "float32").model.get_layer(NORMALISATION)
    mean, deviation = (np.asarray(each) for each in (layer.mean, layer.deviation))
    np.testing.assert_allclose(mean, np.nanmean(pixels.astype("f8"), axis=0), rtol=1e-5)
    np.testing.assert_allclose(deviation, np.nanstd(pixels.astype("f8"), axis=0), rtol=1e-4)


def test_a_network_is_loaded_from_every_kind_of_file(trained, devices, tmp_path):
    first = load_network(trained, devices, "float32")
    expected = [np.asarray(each) for each in first.model.variables]
    save_network(tmp_path, first.model)
    first.model.save(tmp_path / "model_file.h5")
    for path in (tmp_path, tmp_path / "model_file.h5", trained / checkpoints.BEST):
        found = load_network(path, devices, "float32").model.variables
        for value, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(value, np.asarray(other))
    assert load_network(trained / checkpoints.BEST, devices, "float32").digest != first.digest


def other_model():
    return keras.Sequential([keras.Input((8, 8, 9)), keras.layers.Conv2D(1, 3)])


@pytest.mark.parametrize("name", ["other.keras", "other.h5", "text.keras", "text.h5", "gone.h5"])
def test_a_file_without_these_weights_is_refused(devices, tmp_path, name):
    path = tmp_path / name
    if name.startswith("other"):
        other_model().save(path)
    elif name.startswith("text"):
        path.write_text("no model")
    with pytest.raises(UnusableInput, match=name):
        load_network(path, devices, "float32")


def test_what_cannot_be_trained_on_is_refused_in_one_line(tmp_path, capsys):
    assert train(tmp_path, tmp_path / "model") == 2
    assert "convert some first" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
    odd = write_scenes(tmp_path / "odd", 3, patch_size=36)
    assert train(odd, tmp_path / "model") == 2
    assert "--patch-size that is a multiple of 8" in capsys.readouterr().err
    few = write_scenes(tmp_path / "few", 2, shape=(32, 32))
    assert train(few, tmp_path / "other") == 2
    assert "do not fill one batch" in capsys.readouterr().err


def test_scenes_that_are_packed_otherwise_are_refused_wherever_they_are_used(tmp_path, capsys):
    folder = write_scenes(tmp_path / "hdf")
    other = write_scenes(tmp_path / "other", packing="float16")
    # All of them: those to test on are alike among themselves.
    for tested in split_scenes(find_scene_files(folder), 1).testing:
        tested.path.write_bytes((other / tested.path.relative_to(folder)).read_bytes())
    assert train(folder, tmp_path / "model") == 2
    assert "convert all alike" in capsys.readouterr().err


def test_a_summary_that_is_no_table_of_trainings_is_refused_before_training(hdf, tmp_path, capsys):
    (tmp_path / "notes.csv").write_text("index,am")
    for path, message in ((tmp_path / "notes.csv", "is not a table"), (tmp_path, "is a folder")):
        assert train(hdf, tmp_path / "model", "--summary", path) == 2
        assert message in capsys.readouterr().err
    assert (tmp_path / "notes.csv").read_text() == "index,am"
    assert not (tmp_path / "model").exists()


def test_the_row_of_a_run_that_was_killed_behind_it_is_not_added_twice(tmp_path):
    for row in ({"index": "a", "epochs": 1}, {"index": "a", "epochs": 1}, {"index": "b"}):
        add_to_summary(tmp_path / "results.csv", row)
    with (tmp_path / "results.csv").open() as file:
        assert [row["index"] for row in csv.DictReader(file)] == ["a", "b"]


def test_a_scene_that_breaks_in_the_middle_of_training_is_named(hdf, tmp_path, capsys):
    folder = write_scenes(tmp_path / "hdf")
    for path in folder.rglob("*.hdf"):
        content = path.read_bytes()
        path.write_bytes(content[: len(content) - 20_000] + bytes(20_000))
    assert train(folder, tmp_path / "model") == 2
    assert "convert the scene again" in capsys.readouterr().err


@pytest.fixture
def start_ranks(group_environments):
    """Start the processes of one group, which are ended at the latest with the test."""
    started = []

    def start(processes, *arguments):
        command = [sys.executable, "-m", "workloads.slstr", "train", *TINY, *map(str, arguments)]
        for environment in group_environments(processes):
            started.append(
                subprocess.Popen(
                    command,
                    cwd=CHECKOUT,
                    env=os.environ | environment,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return started

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def epochs_in(folder):
    """Metadata of every epoch's record."""
    lines = (folder / "train.records.log").read_text().splitlines()
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return [record["metadata"] for record in records if record["key"] == "epoch_stop"]


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_train_as_one(hdf, trained, tmp_path, start_ranks, processes):
    options = ("--batch-size", 8 // processes, "--epochs", 1)
    for rank in start_ranks(processes, hdf, tmp_path / "model", *options):
        _, error = rank.communicate(timeout=PATIENCE)
        assert rank.returncode == 0, error
    found = figures_in(tmp_path / "model")
    assert (found["replicas"], found["ranks_agree"]) == (processes, True)
    first, expected = epochs_in(tmp_path / "model")[0], epochs_in(trained)[0]
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        assert first[name] == pytest.approx(expected[name], rel=1e-3)


def test_when_a_rank_is_killed_the_other_names_it(hdf, tmp_path, start_ranks):
    first, second = start_ranks(
        2, hdf, tmp_path / "model", "--batch-size", 4, "--epochs", 1000, "--max-steps", 100_000
    )
    for line in first.stdout:
        if '"epoch_stop"' in line:
            break
    second.send_signal(signal.SIGKILL)
    _, error = first.communicate(timeout=PATIENCE)
    assert first.returncode == 1
    assert re.search(r"rank 1 on .* was lost in mid-run", error.splitlines()[-1])
