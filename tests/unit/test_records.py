"""Records: MLPerf's lines, with units and directions, and never a NaN."""

import importlib
import json
import math
import resource

import pytest

from workloads.common import metrics
from workloads.common.errors import RunFailed
from workloads.common.metrics import Metric, declare, metric
from workloads.common.records import recording


def lines_of(text):
    return [
        json.loads(line.removeprefix(":::MLLOG "), parse_constant=lambda name: pytest.fail(name))
        for line in text.splitlines()
        if line.startswith(":::MLLOG ")
    ]


def test_the_same_lines_go_to_standard_output_and_to_the_file(tmp_path, capsys):
    with recording("train", tmp_path) as recorder:
        recorder.metric("throughput", 12.5)
        recorder.provenance(seed=3)
    printed = lines_of(capsys.readouterr().out)
    assert printed == lines_of((tmp_path / "train.records.log").read_text())
    by_key = {line["key"]: line for line in printed}
    assert list(by_key) == ["run_start", "throughput", "seed", "total_seconds", "run_stop"]
    assert by_key["throughput"]["value"] == 12.5
    stated = by_key["throughput"]["metadata"]
    assert (stated["kind"], stated["unit"], stated["better"]) == ("metric", "images/s", "higher")
    assert stated["comparison"] == "relative"
    assert by_key["seed"]["metadata"]["kind"] == "provenance"
    assert by_key["run_stop"]["metadata"]["status"] == "success"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_figure_that_is_not_finite_fails_the_run_and_is_never_a_value(tmp_path, capsys, value):
    with pytest.raises(RunFailed, match="throughput"), recording("train", tmp_path) as recorder:
        recorder.metric("throughput", value)
    lines = lines_of(capsys.readouterr().out)
    assert [line["key"] for line in lines] == ["run_start", "not_finite", "run_stop"]
    assert lines[-1]["metadata"]["status"] == "failed"
    assert "throughput" in lines[-1]["metadata"]["reason"]


def test_any_error_closes_the_records_as_failed(tmp_path):
    with pytest.raises(KeyboardInterrupt), recording("train", tmp_path):
        raise KeyboardInterrupt
    last = lines_of((tmp_path / "train.records.log").read_text())[-1]
    assert last["metadata"]["status"] == "failed"


def test_ranks_other_than_the_first_write_nothing(tmp_path, capsys):
    with recording("train", tmp_path, reports=False) as recorder:
        recorder.metric("throughput", 1.0)
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_runs_records_are_not_lost_when_the_stage_is_started_again(tmp_path):
    for value in (1.0, 2.0):
        with recording("train", tmp_path) as recorder:
            recorder.metric("throughput", value)
    lines = lines_of((tmp_path / "train.records.log").read_text())
    assert [line["value"] for line in lines if line["key"] == "throughput"] == [1.0, 2.0]


def test_a_record_that_cannot_be_written_fails_the_run(tmp_path, capsys):
    # With capsys standard output is memory, so that the limit meets the records file alone.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(OSError, match="File too large"), recording("train", tmp_path) as recorder:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            for _ in range(20):
                recorder.metric("throughput", 1.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("workload", ["skyline", "slstr", "collectives", "container"])
def test_shares_scores_and_biases_are_compared_in_their_unit_all_else_as_a_share(workload):
    importlib.import_module(f"workloads.{workload}.report")
    # The shares, scores and losses have no unit; the biases are in kelvin, and may be zero.
    for each in metrics._METRICS.values():
        in_its_unit = each.unit in {"1", "K"} and not each.name.startswith("throughput_ratio")
        assert each.comparison == ("absolute" if in_its_unit else "relative"), each


def test_an_undeclared_metric_cannot_be_recorded(tmp_path):
    with pytest.raises(KeyError), recording("train", tmp_path) as recorder:
        recorder.metric("speed", 1.0)


def test_a_metric_cannot_be_declared_twice_differently():
    declare(metric("throughput"))
    with pytest.raises(ValueError, match="twice"):
        declare(Metric("throughput", "images/s", "lower", "relative", "another meaning"))
