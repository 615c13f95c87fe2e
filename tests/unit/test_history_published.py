"""The published results as history: whole, as published, without a date, and imported once."""

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from ruamel.yaml import YAML

from perflogs.__main__ import main
from perflogs.baselines.comparable_runs import Case
from perflogs.baselines.reference_file import read_references
from perflogs.history import SOUND
from perflogs.published_history import METRICS, TABLES, published_runs
from perflogs.reading.history import read_history
from perflogs.series import series_of
from systems.settings import PERFLOG_COLUMNS
from workloads.common.metrics import metric
from workloads.slstr import report as _slstr_metrics  # noqa: F401

REFERENCES = Path(__file__).parents[2] / "systems" / "references"
COUNTS = {
    ("pearl", "SlstrTrain"): (5, 65),
    ("pearl", "SlstrInference"): (5, 10),
    ("scarf", "SlstrTrain"): (6, 78),
    ("scarf", "SlstrInference"): (6, 12),
    ("sodalite", "SkylineTrain"): (13, 65),
    ("sodalite", "SkylineEvaluate"): (13, 26),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that they have been imported to."""
    found = tmp_path_factory.mktemp("published")
    assert main(["import", "published", "--to", str(found)]) == 0
    return found


@pytest.fixture(scope="module")
def history(folder):
    """What the reader makes of it."""
    return read_history([folder])


def contents(folder):
    """All files with text and time of change."""
    return {
        path: (path.read_text(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_run_and_figure_is_read_back(history):
    assert not history.unreadable
    counted = history.figures.join(history.runs, on="run").group_by("system", "check")
    found = {
        row[:2]: row[2:] for row in counted.agg(pl.col("run").n_unique(), pl.len()).iter_rows()
    }
    assert found == COUNTS
    assert history.runs.filter(SOUND).height == history.runs.height == 48
    assert history.runs["campaign"].unique().to_list() == ["published"]
    assert history.figures["value"].null_count() == 0


def test_no_date_is_made_up_and_no_series_rests_on_them(history):
    assert history.runs["time"].null_count() == history.runs.height
    assert list(series_of(history)) == []


def test_figures_are_those_of_the_tables(history):
    with (TABLES / "slstr_training.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["index"] == "run_53432")
    run = history.runs.filter(pl.col("jobid") == "run_53432", pl.col("check") == "SlstrTrain")
    assert (
        run["name"].item()
        == "SlstrTrain %num_gpus=16 %cpu_nodes=0 %preset=published %storage=network"
    )
    figures = history.figures.join(run.select("run"), on="run")
    for name, value, unit, better, comparison in figures.select(
        pl.col("metric").cast(pl.String), "value", "unit", "better", "comparison"
    ).iter_rows():
        assert value == float(row[name])
        assert (unit, better, comparison) == METRICS[name]


def test_losses_and_accuracies_are_those_that_the_workload_would_report(history):
    """Of training those of the last epoch, of validation those of the epoch with the least loss."""
    run = history.runs.filter(
        pl.col("jobid") == "peaklens_gpu_SSD_tf2.2", pl.col("check") == "SkylineTrain"
    )
    figures = history.figures.join(run.select("run"), on="run")
    assert dict(zip(figures["metric"].cast(pl.String), figures["value"], strict=True)) == {
        "mean_train_images_per_second": 20032.7,
        "train_loss": 0.1201,
        "train_accuracy": 0.9557,
        "validation_loss": 0.1304,
        "validation_accuracy": 0.9525,
    }


def test_units_and_directions_are_those_of_the_workloads():
    for name, declared in METRICS.items():
        known = metric(name)
        assert (known.unit, known.better, known.comparison) == declared


@pytest.mark.parametrize("system", ["pearl", "scarf", "sodalite"])
def test_every_reference_of_these_systems_is_a_published_figure_of_the_same_case(system):
    runs = [run for run in published_runs() if run.system == system]
    file = read_references(REFERENCES / f"{system}.yaml")
    for entry in file.entries:
        same = [
            run
            for run in runs
            if run.check == entry.check and entry.stands_for(json.loads(run.reference_case))
        ]
        for name, (bounds, unit) in entry.references.items():
            assert bounds.value in [float(run.figures[name]) for run in same]
            assert METRICS[name][0] == unit
    for run in runs:
        case = Case("gpu", run.check, run.name, json.loads(run.reference_case))
        assert file.entry_of(case) is not None


def test_keys_have_the_types_that_references_have():
    content = YAML(typ="safe").load(REFERENCES / "sodalite.yaml")["gpu"]["SkylineTrain"][0]["case"]
    case = next(run.case for run in published_runs() if run.check == "SkylineTrain")
    assert {key: type(value) for key, value in case.items()} == {
        key: type(value) for key, value in content.items()
    }


def test_the_two_versions_of_tensorflow_and_the_two_programs_are_told_apart(history):
    runs = history.runs.filter(pl.col("check") == "SkylineTrain")
    assert set(runs["tensorflow_version"]) == {"2.2.3", "2.4.3"}
    versions = runs["key"].str.json_path_match("$.workload_version")
    assert dict(versions.value_counts().iter_rows()) == {
        "published, gpu": 12,
        "published, original": 1,
    }


def test_columns_are_those_that_reframe_writes_here(folder):
    known = {column.removeprefix("check_") for column in PERFLOG_COLUMNS}
    for path in folder.rglob("*.log"):
        header, *lines = path.read_text().splitlines()
        figures = {f"{name}_{field}" for name in METRICS for field in ("value", "unit")}
        assert set(header.split("|")) <= known | figures
        assert all(line.count("|") == header.count("|") for line in lines)


def test_variables_are_written_as_reframe_writes_them(folder):
    path = folder / "sodalite" / "gpu" / "SkylineTrain.published.log"
    header, *lines = (line.split("|") for line in path.read_text().splitlines())
    written = [dict(zip(header, line, strict=True)) for line in lines]
    assert {each["prefetch_to_device"] for each in written} == {"true", "false"}
    assert {each["stage_to_scratch"] for each in written} == {"false"}
    assert {each["job_completion_time"] for each in written} == {"null"}


def test_importing_again_changes_nothing(folder, capsys):
    before = contents(folder)
    assert main(["import", "published", "--to", str(folder)]) == 0
    assert contents(folder) == before
    said = capsys.readouterr().out
    assert "was there" in said
    assert "written" not in said


def test_logs_that_reframe_wrote_are_left_alone_and_read_beside_them(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "logs")
    own = tmp_path / "logs" / "pearl" / "gpu" / "SlstrTrain.log"
    header = "result|job_completion_time|name|system|partition|environ|jobid|perf_var|perf_value"
    own.write_text(
        f"{header}\npass|2026-11-20T02:00:00+00:00|SlstrTrain|pearl|gpu|builtin|7|total_time|1.0\n"
    )
    before = own.read_text()
    assert main(["import", "published", "--to", str(tmp_path / "logs")]) == 0
    assert own.read_text() == before
    assert read_history([tmp_path / "logs"]).runs.height == 49


def test_a_damaged_import_is_mended(tmp_path, capsys):
    main(["import", "published", "--to", str(tmp_path)])
    path = tmp_path / "scarf" / "gpu" / "SlstrInference.published.log"
    whole = path.read_text()
    path.write_text(whole[:-30])
    main(["import", "published", "--to", str(tmp_path)])
    assert path.read_text() == whole
    assert capsys.readouterr().out.count("written") == 6 + 1


def test_the_table_counts_runs_and_figures(tmp_path, capsys):
    assert main(["import", "published", "--to", str(tmp_path)]) == 0
    rows = [
        line.split("│")[1:5]
        for line in capsys.readouterr().out.splitlines()
        if "published" in line or "written" in line
    ]
    found = {
        (system.strip(), check.strip()): (int(runs), int(figures))
        for system, check, runs, figures in rows
        if runs.strip()
    }
    assert found == COUNTS


def test_the_folder_of_performance_logs_is_that_of_reframe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RFM_PERFLOG_DIR", raising=False)
    assert main(["import", "published"]) == 0
    assert (tmp_path / "perflogs" / "pearl" / "gpu" / "SlstrTrain.published.log").exists()
    monkeypatch.setenv("RFM_PERFLOG_DIR", str(tmp_path / "elsewhere"))
    assert main(["import", "published"]) == 0
    assert (tmp_path / "elsewhere" / "pearl").is_dir()


def test_a_folder_that_cannot_be_written_is_unusable_input(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["import", "published", "--to", str(tmp_path / "file")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'file'}")
    assert error.endswith(
        "cannot be written (Not a directory): name a folder that you may write to with --to\n"
    )


def test_nothing_but_the_published_results_can_be_imported(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["import", "everything"])
    assert stopped.value.code == 2
    assert "everything" in capsys.readouterr().err


def test_the_verdict_on_published_results_alone_is_that_nothing_can_be_judged(folder):
    assert main(["check", "--history", str(folder), "--no-index"]) == 4


def test_published_systems_can_be_compared(folder):
    published = ["campaign=published,system=pearl", "campaign=published,system=scarf"]
    assert main(["compare", *published, "--history", str(folder), "--no-index"]) in (0, 1, 4)
