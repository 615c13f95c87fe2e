"""The published results of PEARL, SCARF and the SODALITE testbed as runs of this suite's checks.

Nothing published says on which day or on which nodes they were made, and nothing is made up: their
records have no time, so that they belong to no series, and no verdict rests on them. They are there
to be shown and compared with. Their workload version says that other programs than this suite's
were measured. Left out is what names no system (the stages of SLSTR other than training and
inference) or no figure that a check reports (the TensorFlow 1.11 baseline; epoch times of the
skyline runs, which add up to the whole run with one version of TensorFlow alone)."""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).resolve().parent / "published"
CAMPAIGN = "published"
PARTITION = "gpu"
#: Unit, better and comparison of the published metrics, as the workloads report them.
METRICS = {
    "mean_train_images_per_second": ("images/s", "higher", "relative"),
    "imgs_per_s_first_epoch": ("images/s", "higher", "relative"),
    "imgs_per_s_second_epoch": ("images/s", "higher", "relative"),
    "imgs_per_s": ("scenes/s", "higher", "relative"),
    **dict.fromkeys(
        (
            *("total_time", "first_epoch_time", "second_epoch_time", "total"),
            *("first_epoch_train_time", "second_epoch_train_time"),
            *("first_epoch_test_time", "second_epoch_test_time"),
        ),
        ("s", "lower", "relative"),
    ),
    **dict.fromkeys(
        ("train_accuracy", "validation_accuracy", "test_accuracy"), ("1", "higher", "absolute")
    ),
    **dict.fromkeys(("train_loss", "validation_loss", "test_loss"), ("1", "lower", "absolute")),
}
_PARAMETERS = ("num_gpus", "cpu_nodes", "preset", "storage", "pipeline")
_DATA = {"preset": "published", "dataset": "given", "precision": "float32", "engine": "tensorflow"}


@dataclass(frozen=True)
class PublishedRun:
    """One run of one check: `run` is what its authors call it, `case` all that references of the
    check are keyed by, `figures` are as they were published, and `facts` are further columns."""

    run: str
    system: str
    check: str
    case: dict[str, object]
    figures: dict[str, str]
    facts: dict[str, str]

    @property
    def name(self) -> str:
        """As ReFrame shows it."""
        shown = [f"%{key}={self.case[key]}" for key in _PARAMETERS if key in self.case]
        return " ".join([self.check, *shown])

    @property
    def reference_case(self) -> str:
        """The case as the records write it."""
        return json.dumps(self.case, sort_keys=True)


def published_runs(tables: Path = TABLES) -> list[PublishedRun]:
    """All runs. Raises OSError where a table is missing."""
    return [*_slstr_runs(tables), *_skyline_runs(tables)]


def _slstr_runs(tables: Path) -> Iterator[PublishedRun]:
    trainings = {row["index"]: row for row in _rows(tables / "slstr_training.csv")}
    inferences = {row["index"]: row for row in _rows(tables / "slstr_inference.csv")}
    for run, row in trainings.items():
        # Every process has one GPU; the tables give those of a node.
        count = row["num_ranks"]
        trained: dict[str, object] = {
            **_DATA,
            **{"num_gpus": int(count), "cpu_nodes": 0, "process_per": "gpu"},
            **{"storage": "network", "container": "none", "patch_size": 256},
            **{key: int(row[key]) for key in ("batch_size", "epochs")},
        }
        facts = {
            **{"workload": "slstr", "device_name": "V100", "workload_version": "published"},
            **{"gpus_used": count, "processes": count},
        }
        for check, case, table in (
            ("SlstrTrain", {**trained, "cache": "memory"}, row),
            ("SlstrInference", trained, inferences[run]),
        ):
            yield PublishedRun(run, row["system"].lower(), check, case, _figures(table), facts)


def _skyline_runs(tables: Path) -> Iterator[PublishedRun]:
    epochs = list(_rows(tables / "skyline_epochs.csv"))
    for row in _rows(tables / "skyline_runs.csv"):
        of_run = [epoch for epoch in epochs if epoch["run"] == row["run"]]
        if not of_run:
            continue

        best = min(of_run, key=lambda epoch: float(epoch["val_loss"]))
        learnt = {
            "mean_train_images_per_second": row["mean_train_images_per_second"],
            "train_loss": of_run[-1]["train_loss"],
            "train_accuracy": of_run[-1]["train_accuracy"],
            "validation_loss": best["val_loss"],
            "validation_accuracy": best["val_accuracy"],
        }
        judged = {name: row[name] for name in ("test_loss", "test_accuracy")}
        case: dict[str, object] = {
            **_DATA,
            **{"num_gpus": 1, "cpu_nodes": 0, "process_per": "node", "stage_to_scratch": False},
            **{"storage": row["storage"], "container": row["container_runtime"]},
            **{"pipeline": "files", "model": "original", "epochs": int(row["epochs"])},
            **{
                "prefetch_to_device": row["prefetch_to_device"] == "True",
                "jit": row["xla"] == "True",
            },
        }
        facts = {
            **{
                "workload": "skyline",
                "device_name": row["gpu"],
                "gpus_used": "1",
                "processes": "1",
            },
            # The authors measured their first program for TensorFlow 2, and one made for GPUs.
            "workload_version": f"published, {row['variant']}",
            "tensorflow_version": row["tensorflow"],
        }
        for check, figures in (("SkylineTrain", learnt), ("SkylineEvaluate", judged)):
            yield PublishedRun(row["run"], "sodalite", check, case, figures, facts)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as file:
        yield from csv.DictReader(file)


def _figures(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name in METRICS and value}
