"""The suite from a bare checkout with nothing exported: what it runs, says and keeps."""

import itertools
import json
import math
import sqlite3
import sys

import pytest
from bare_checkout import read_perflog

EXTRACTION = {
    "extraction_throughput": ("photographs/s", "higher:relative"),
    "skyline_error": ("pixels", "lower:relative"),
    "columns_within_3_pixels": ("1", "higher:absolute"),
    "total_seconds": ("s", "lower:relative"),
}
METRICS = {
    "throughput": ("images/s", "higher:relative"),
    "mean_train_images_per_second": ("images/s", "higher:relative"),
    "first_epoch_seconds": ("s", "lower:relative"),
    "epoch_seconds": ("s", "lower:relative"),
    "total_seconds": ("s", "lower:relative"),
    "step_seconds_median": ("s", "lower:relative"),
    "step_seconds_99th_percentile": ("s", "lower:relative"),
    "input_stall_fraction": ("1", "lower:absolute"),
    "peak_memory_bytes": ("B", "lower:relative"),
    "train_loss": ("1", "lower:absolute"),
    "train_accuracy": ("1", "higher:absolute"),
    "validation_loss": ("1", "lower:absolute"),
    "validation_accuracy": ("1", "higher:absolute"),
    "loss_step100": ("1", "equal:absolute"),
}
PROVENANCE = (
    "suite_commit",
    "dataset_digest",
    "workload_version",
    "tensorflow_version",
    "keras_version",
    "python_version",
    "kernel_version",
    "device_name",
    "gpus_used",
    "replicas",
    "processes",
    "precision_used",
    "seed",
)


def test_every_case_passes_and_both_pipelines_of_skyline_are_trained_and_evaluated(suite):
    assert suite.finished.code == 0, suite.finished.text
    assert "Ran 15/15 test case(s)" in suite.finished.text
    for check in ("SkylineTrain", "SkylineEvaluate"):
        names = sorted(case["name"] for case in suite.cases(check))
        assert [name.split("pipeline=")[1] for name in names] == ["files", "packed"]
        assert all("num_gpus=0" in name and "preset=smoke" in name for name in names)


def test_the_accuracy_means_something_and_does_not_depend_on_the_pipeline(suite):
    figures = [case["perfvalues"] for case in suite.cases("SkylineEvaluate")]
    accuracies = [each["generic:default:test_accuracy"][0] for each in figures]
    assert min(accuracies) >= 0.90
    assert accuracies[0] == accuracies[1]
    losses = [
        case["perfvalues"]["generic:default:loss_step100"][0]
        for case in suite.cases("SkylineTrain")
    ]
    assert losses[0] == losses[1]


def test_every_stage_of_slstr_is_measured_once_and_feeds_the_next(suite):
    for check, splits in {
        "SlstrExtract": ["training", "validation"],
        "SlstrConvert": ["training", "validation"],
        "SlstrTrain": [""],
        "SlstrInference": [""],
        "SlstrSstComparison": [""],
    }.items():
        names = sorted(case["name"] for case in suite.cases(check))
        assert all(split in name for name, split in zip(names, splits, strict=True)), check
    [case] = suite.cases("SlstrInference")
    figures = {name.rsplit(":", 1)[1]: each[0] for name, each in case["perfvalues"].items()}
    assert figures["truth_accuracy"] >= 0.90
    [case] = suite.cases("SlstrSstComparison")
    figures = {name.rsplit(":", 1)[1]: each[0] for name, each in case["perfvalues"].items()}
    assert abs(figures["sst_bias_network"]) < abs(figures["sst_bias_all"])


def test_the_skylines_of_unseen_photographs_are_found_to_three_pixels(suite):
    [case] = suite.cases("SkylineExtract")
    assert "pipeline=packed" in case["name"]
    figures = {name.rsplit(":", 1)[1]: each[0] for name, each in case["perfvalues"].items()}
    assert figures["skyline_error"] <= 3
    assert figures["columns_within_3_pixels"] >= 0.9
    [patches] = suite.bare.folder.glob(".cache/skyline/smoke-1-*/patches")
    unseen = len(list((patches / "photographs/testing").glob("*.jpg")))
    [output] = suite.kept.glob("output/**/SkylineExtract*/extract.records.log")
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in output.open()]
    counts = {each["key"]: each["value"] for each in records}
    assert counts["annotated_photographs"] == counts["eval_samples"] == unseen > 0


@pytest.mark.parametrize(
    ("check", "cases", "metrics"), [("SkylineTrain", 2, METRICS), ("SkylineExtract", 1, EXTRACTION)]
)
def test_every_metric_is_logged_with_its_unit_and_direction_in_reframes_own_format(
    suite, check, cases, metrics
):
    rows = read_perflog(suite.kept / "perflogs", check)
    assert len(rows) == cases
    for row in rows:
        directions = dict(each.split("=") for each in row["metric_directions"].split())
        for name, (unit, direction) in metrics.items():
            assert math.isfinite(float(row[f"{name}_value"]))
            assert row[f"{name}_unit"] == unit
            assert directions[name] == direction


def test_provenance_is_logged_with_every_figure(suite):
    for check in ("SkylineTrain", "SkylineExtract", "SlstrTrain", "SlstrInference"):
        for row in read_perflog(suite.kept / "perflogs", check):
            for name in PROVENANCE:
                assert row[name] not in {"", "null", "None"}, name
            assert row["replicas"] == "1"
            assert row["gpus_used"] == "0"
            assert row["dataset_digest"].startswith("sha256-sum:")


def test_only_accuracies_have_references_on_a_machine_without_a_file(suite):
    for check, accuracies in {
        "SkylineTrain": {"validation_accuracy"},
        "SkylineEvaluate": {"test_accuracy"},
        "SkylineExtract": {"skyline_error", "columns_within_3_pixels"},
        "SlstrTrain": {"test_accuracy"},
        "SlstrInference": {"bayes_accuracy", "truth_accuracy"},
        "SlstrSstComparison": {"sst_absolute_bias_network"},
    }.items():
        for case in suite.cases(check):
            judged = {
                name.rsplit(":", 1)[1]
                for name, (_, _, lower, upper, *_) in case["perfvalues"].items()
                if lower is not None or upper is not None
            }
            assert judged == accuracies


def test_jobs_never_overlapped(suite):
    cases = suite.report["runs"][0]["testcases"]
    spans = sorted((case["job_submit_time"], case["job_completion_time_unix"]) for case in cases)
    assert len(spans) == 15
    for (_, ended), (started, _) in itertools.pairwise(spans):
        assert started >= ended


def test_jobs_use_the_interpreter_that_runs_reframe_and_this_checkout(suite):
    output = suite.kept / "output/generic/default/builtin"
    scripts = list(output.glob("Skyline*/rfm_job.sh"))
    assert len(scripts) == 7
    for script in scripts:
        text = script.read_text()
        assert f"{sys.executable} -m workloads.skyline" in text
        assert f"PYTHONPATH={suite.bare.folder}" in text


def test_the_records_of_a_run_are_kept_as_mlperf_lines(suite):
    output = suite.kept / "output/generic/default/builtin"
    logs = list(output.glob("SkylineTrain*/train.records.log"))
    assert len(logs) == 2
    for log in logs:
        lines = [json.loads(line.removeprefix(":::MLLOG ")) for line in log.open()]
        assert (lines[0]["key"], lines[-1]["key"]) == ("run_start", "run_stop")
        assert lines[-1]["metadata"]["status"] == "success"


def test_with_the_suites_settings_each_metric_has_a_line_and_the_database_the_session(
    suite, configured
):
    assert configured.finished.code == 0, configured.finished.text
    # ReFrame puts a log aside when its columns change.
    aside = configured.kept / "perflogs/generic/default/SkylineTrain.log.h0"
    cold = suite.kept / "perflogs/generic/default/SkylineTrain.log"
    assert aside.read_text() == cold.read_text()
    rows = read_perflog(configured.kept / "perflogs", "SkylineTrain")
    assert {row["perf_var"] for row in rows} == set(METRICS)
    for row in rows:
        unit, direction = METRICS[row["perf_var"]]
        assert row["perf_unit"] == unit
        assert f"{row['perf_var']}={direction}" in row["metric_directions"].split()
        assert math.isfinite(float(row["perf_value"]))
        assert (row["preset"], row["pipeline"], row["result"]) == ("tiny", "packed", "pass")
    database = suite.bare.home / ".reframe/reports/results.db"
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT COUNT(*) FROM sessions").fetchone() == (1,)


def test_the_session_page_says_what_ran_and_where_the_records_are(suite, configured):
    for run in (suite, configured):
        assert run.page.code == 0, run.page.text
        for word in (
            "SkylineTrain",
            "SkylineExtract",
            "photographs/s",
            "performance logs",
            "results database",
            "run report",
        ):
            assert word in run.page.text
    assert "not kept" in suite.page.text
    assert "not kept" not in configured.page.text
