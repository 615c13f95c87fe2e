"""The published figures: whole, and the same in the history and in the references."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

CHECKOUT = Path(__file__).parents[2]
PUBLISHED = CHECKOUT / "perflogs/published"
with (PUBLISHED / "skyline_runs.csv").open() as file:
    RUNS = {row["run"]: row for row in csv.DictReader(file)}
REFERENCES = YAML(typ="safe").load(CHECKOUT / "systems/references/sodalite.yaml")["gpu"]
ENTRIES = [(check, entry) for check, entries in REFERENCES.items() for entry in entries]
PATCHES, SCENES = 19_400, 2_000


def read_slstr(name: str) -> dict[str, dict[str, str]]:
    """A table of the published SLSTR runs by their index."""
    with (PUBLISHED / f"slstr_{name}.csv").open() as file:
        return {row["index"]: row for row in csv.DictReader(file)}


TRAININGS, INFERENCES = read_slstr("training"), read_slstr("inference")
V100S = {"PEARL": [1, 2, 4, 8, 16], "SCARF": [1, 2, 4, 8, 16, 32]}


def slstr_entries(system: str) -> list[tuple[str, dict[str, Any]]]:
    """The references of a system's SLSTR checks, each with the name of its check."""
    path = CHECKOUT / f"systems/references/{system.lower()}.yaml"
    found = YAML(typ="safe", pure=True).load(path)["gpu"]
    return [(check, entry) for check, entries in found.items() for entry in entries]


SLSTR = [(system, *entry) for system in V100S for entry in slstr_entries(system)]


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


def test_the_eleven_slstr_runs_are_there_with_as_many_gpus_as_processes():
    assert TRAININGS.keys() == INFERENCES.keys()
    for table in (TRAININGS, INFERENCES):
        for system, counts in V100S.items():
            rows = [row for row in table.values() if row["system"] == system]
            assert [int(row["num_ranks"]) for row in rows] == counts
            assert [int(row["num_gpus"]) for row in rows] == [
                count if system == "PEARL" else min(count, 4) for count in counts
            ]


@pytest.mark.parametrize("name", TRAININGS)
def test_the_slstr_speeds_are_patches_and_scenes_over_seconds(name):
    run, inference = TRAININGS[name], INFERENCES[name]
    for epoch in ("first", "second"):
        train, test, whole = (
            float(run[f"{epoch}_epoch_{kind}time"]) for kind in ("train_", "test_", "")
        )
        assert float(run[f"imgs_per_s_{epoch}_epoch"]) == pytest.approx(PATCHES / train, rel=1e-6)
        assert whole == pytest.approx(train + test, abs=0.25)
    assert float(inference["imgs_per_s"]) == pytest.approx(SCENES / float(inference["total"]))


def test_the_slstr_stages_add_up_to_the_published_total():
    with (PUBLISHED / "slstr_stages.csv").open() as file:
        seconds = {row["stage"]: float(row["seconds"]) for row in csv.DictReader(file)}
    assert len(seconds) == 3
    assert sum(seconds.values()) == pytest.approx(10_048.03)


@pytest.mark.parametrize("system", V100S)
def test_every_slstr_run_is_a_reference_of_both_checks(system):
    for check in ("SlstrTrain", "SlstrInference"):
        counts = [
            entry["case"]["num_gpus"] for name, entry in slstr_entries(system) if name == check
        ]
        assert counts == V100S[system]


@pytest.mark.parametrize(("system", "check", "entry"), SLSTR)
def test_every_slstr_reference_is_the_figure_of_its_run_with_the_bounds_of_a_single_one(
    system, check, entry
):
    name = re.match(r"(run_\d+) of", entry["source"])[1]
    run = {"SlstrTrain": TRAININGS, "SlstrInference": INFERENCES}[check][name]
    case = entry["case"]
    assert (run["system"], int(run["num_ranks"])) == (system, case["num_gpus"])
    several = "gpu" if case["num_gpus"] > 1 else ["node", "gpu"]
    assert (case["process_per"], entry["runs"]) == (several, 1)
    assert (case["preset"], case["dataset"]) == ("published", "given")
    trained = TRAININGS[name]
    assert [case[key] for key in ("batch_size", "epochs")] == [
        int(trained[key]) for key in ("batch_size", "epochs")
    ]
    speeds = {
        "SlstrTrain": {"imgs_per_s_first_epoch", "imgs_per_s_second_epoch"},
        "SlstrInference": {"imgs_per_s"},
    }[check]
    accuracies = {"train_accuracy", "test_accuracy"} if check == "SlstrTrain" else set()
    assert entry["references"].keys() == speeds | accuracies
    for metric, reference in entry["references"].items():
        assert reference["value"] == float(run[metric])
        assert reference["upper"] is None
        if metric in speeds:
            assert reference["lower"] == -0.20
        else:
            # Bounds are fractions: this one is 0.02 of accuracy, whatever the value.
            least = reference["value"] * (1 + reference["lower"])
            assert least == pytest.approx(reference["value"] - 0.02, abs=1e-10)
