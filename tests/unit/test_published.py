"""The published figures: whole, and the same in the history and in the references."""

import csv
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

CHECKOUT = Path(__file__).parents[2]
PUBLISHED = CHECKOUT / "perflogs/published"
with (PUBLISHED / "skyline_runs.csv").open() as file:
    RUNS = {row["run"]: row for row in csv.DictReader(file)}
REFERENCES = YAML(typ="safe").load(CHECKOUT / "systems/references/sodalite.yaml")["gpu"]
ENTRIES = [(check, entry) for check, entries in REFERENCES.items() for entry in entries]


def test_the_thirteen_runs_and_the_baseline_are_there():
    assert len(RUNS) == 14
    baseline = RUNS["tensorflow_1.11_baseline"]
    assert float(baseline["elapsed_seconds"]) == 7.2 * 3600
    assert baseline["epochs"] == "20"
    with (PUBLISHED / "skyline_epochs.csv").open() as file:
        epochs = list(csv.DictReader(file))
    assert len(epochs) == 13 * 5
    assert {row["run"] for row in epochs} == RUNS.keys() - {"tensorflow_1.11_baseline"}


@pytest.mark.parametrize("name", [name for name, run in RUNS.items() if run["train_images"]])
def test_images_per_second_are_images_over_the_whole_run(name):
    run = RUNS[name]
    images = int(run["train_images"]) * int(run["epochs"])
    stated = float(run["mean_train_images_per_second"])
    assert stated == pytest.approx(images / float(run["elapsed_seconds"]), rel=1e-4)


@pytest.mark.parametrize(("check", "entry"), ENTRIES)
def test_every_reference_is_the_figure_of_the_run_that_it_names(check, entry):
    run = RUNS[re.match(r"run (\S+) of", entry["source"])[1]]
    case = entry["case"]
    assert (case["storage"], case["container"]) == (run["storage"], run["container_runtime"])
    assert str(case["prefetch_to_device"]) == run["prefetch_to_device"]
    assert str(case["jit"]) == run["xla"]
    assert (case["preset"], case["pipeline"], case["num_gpus"]) == ("published", "files", 1)
    assert case["epochs"] == int(run["epochs"])
    assert entry["runs"] == 1
    metric = {
        "SkylineTrain": "mean_train_images_per_second",
        "SkylineEvaluate": "test_accuracy",
    }[check]
    assert entry["references"][metric]["value"] == float(run[metric])
    if check == "SkylineTrain":
        assert entry["references"][metric]["lower"] == -0.20


def test_network_and_ssd_are_kept_apart():
    speeds = {}
    for check, entry in ENTRIES:
        if check == "SkylineTrain":
            value = entry["references"]["mean_train_images_per_second"]["value"]
            speeds.setdefault(entry["case"]["storage"], []).append(value)
    assert min(speeds["ssd"]) > 4 * max(speeds["network"])
