"""Where histories are looked for, and which direction of a metric is better where none says it."""

import os
from pathlib import Path

import pytest
from reframe_records import case, line, report, write_database, write_log, write_report

from perflogs.reading.directions import declared, direction
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.places import default_sources, find_logs, latest_report, look_into


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a checkout of their own, with none of ReFrame's variables."""
    for name in ("RFM_PERFLOG_DIR", "RFM_SQLITE_DB_FILE", "RFM_REPORT_FILE"):
        monkeypatch.delenv(name, raising=False)

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "checkout/perflogs").mkdir(parents=True)
    (tmp_path / "home/.reframe/reports").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "home"


def test_where_nothing_is_there_is_no_source(home: Path) -> None:
    assert default_sources() == []


def test_what_reframe_writes_by_default_is_found(home: Path) -> None:
    write_log(Path("perflogs/generic/default/Train.log"), line())
    database = write_database(home / ".reframe/reports/results.db", report([case()]))
    latest = write_report(home / ".reframe/reports/latest.json", report([case()]))
    assert default_sources() == [Path("perflogs"), database, latest]
    own = write_database(Path("perflogs/results.db"), report([case()]))
    assert default_sources() == [Path("perflogs"), own, latest]


def test_what_the_environment_names_is_found_and_nothing_else(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_log(Path("perflogs/Train.log"), line())
    write_database(Path("perflogs/results.db"), report([case()]))
    write_report(home / ".reframe/reports/latest.json", report([case()]))
    monkeypatch.setenv("SITE", str(tmp_path / "site"))
    for name, place in (
        ("RFM_PERFLOG_DIR", "$SITE/logs"),
        ("RFM_SQLITE_DB_FILE", "$SITE/own.db"),
        ("RFM_REPORT_FILE", "$SITE/run-{sessionid}.json"),
    ):
        monkeypatch.setenv(name, place)

    assert default_sources() == []
    site = tmp_path / "site"
    write_log(site / "logs/Train.log.h0", line())
    write_database(site / "own.db", report([case()]))
    write_report(site / "run-3.json", report([case()]))
    assert default_sources() == [site / "logs", site / "own.db", site / "run-3.json"]
    assert latest_report() == site / "run-3.json"


def test_logs_are_found_at_any_depth_the_older_before_the_newer(tmp_path: Path) -> None:
    names = ["b/Train.log.h0", "b/Train.log.h2", "b/Train.log.h10", "b/Train.log", "c/d/Other.log"]
    for name in (*reversed(names), "b/Train.log.old", "b/.Train.lock", "b/Train.logs"):
        write_log(tmp_path / name, line())

    assert find_logs(tmp_path) == [tmp_path / name for name in names]


def test_what_is_no_file_is_never_opened(tmp_path: Path) -> None:
    log = write_log(tmp_path / "b/Train.log", line())
    os.mkfifo(tmp_path / "b/pipe.log")
    (tmp_path / "b/folder.log").mkdir()
    (tmp_path / "b/gone.log").symlink_to("nowhere")
    (tmp_path / "b/linked.log").symlink_to(log)
    expected = [log, tmp_path / "b/gone.log", tmp_path / "b/linked.log"]
    assert find_logs(tmp_path) == expected
    with pytest.raises(UnusableHistory, match="neither a file nor a folder"):
        look_into(tmp_path / "b/pipe.log")


def test_a_source_is_known_by_what_it_holds(tmp_path: Path) -> None:
    log = write_log(tmp_path / "any.txt", line())
    database = write_database(tmp_path / "any", report([case()]))
    a_report = write_report(tmp_path / "session", report([case()]))
    assert look_into(log).logs == [log]
    assert look_into(database).databases == [database]
    assert look_into(a_report).reports == [a_report]


def test_a_folder_without_logs_is_one_of_reports(tmp_path: Path) -> None:
    path = write_report(tmp_path / "run-report-0.json", report([case()]))
    (tmp_path / "latest.json").symlink_to(path)
    assert set(look_into(tmp_path).reports) == {path, tmp_path / "latest.json"}
    write_log(tmp_path / "a/Train.log", line())
    assert look_into(tmp_path).reports == []


@pytest.mark.parametrize("name", ["acknowledged.json", "node-actions.json"])
def test_what_is_kept_beside_a_history_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"version": 1}')
    with pytest.raises(UnusableHistory, match="holds neither a performance log"):
        look_into(tmp_path)


def test_an_empty_folder_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(UnusableHistory, match="neither a performance log"):
        look_into(tmp_path)


@pytest.mark.parametrize(
    ("metric", "unit", "better", "comparison"),
    [
        ("throughput", "images/s", "higher", "relative"),
        ("mean_train_images_per_second", "images/s", "higher", "relative"),
        ("first_epoch_seconds", "s", "lower", "relative"),
        ("step_seconds_99th_percentile", "s", "lower", "relative"),
        ("input_stall_fraction", "1", "lower", "absolute"),
        ("peak_memory_bytes", "B", "lower", "relative"),
        ("energy_joules", "J", "lower", "relative"),
        ("joules_per_image", "J/image", "lower", "relative"),
        ("gpu_utilisation", "1", "higher", "absolute"),
        ("model_flop_utilisation", "1", "higher", "absolute"),
        ("train_loss", "1", "lower", "absolute"),
        ("validation_accuracy", "%", "higher", "absolute"),
        ("test_precision", "1", "higher", "absolute"),
        ("bayes_f1", "1", "higher", "absolute"),
        ("truth_iou", "1", "higher", "absolute"),
        ("skyline_error", "pixels", "lower", "relative"),
        ("columns_within_3_pixels", "1", "higher", "absolute"),
        ("total_time", "s", "lower", "relative"),
        ("imgs_per_s_first", "scenes/s", "higher", "relative"),
        ("total", "s", "lower", "relative"),
        ("sst_bias_network", "K", "", "absolute"),
        ("absolute_bias", "K", "lower", "absolute"),
        ("mean_abs_bias", "s", "lower", "absolute"),
        ("clock_bias", "s", "", "absolute"),
        ("sst_robust_deviation_network", "K", "lower", "absolute"),
        ("sst_bias_reduction", "K", "higher", "absolute"),
        ("megabytes_read_per_second", "MB/s", "higher", "relative"),
        ("loss_step100", "1", "equal", "absolute"),
        ("megabytes_read_per_second", "", "higher", "relative"),
        # Of other suites.
        ("Triad", "MB/s", "higher", "relative"),
        ("copy_bw", "", "higher", "relative"),
        ("memory_bandwidth", "", "higher", "relative"),
        ("Gflops", "Gflops", "higher", "relative"),
        ("perf", "ns/day", "higher", "relative"),
        ("latency", "us", "lower", "relative"),
        ("time_per_step", "", "lower", "relative"),
        ("write", "GiB/s", "higher", "relative"),
        ("accuracy_loss", "1", "lower", "absolute"),
        ("throughput_efficiency", "%", "higher", "relative"),
        ("elapsed", "minutes", "lower", "relative"),
        ("size", "MiB", "lower", "relative"),
        ("temperature", "K", "", "absolute"),
        ("clock", "MHz", "", "relative"),
        ("answer", "", "", "relative"),
    ],
)
def test_name_and_unit_say_which_direction_is_better(
    metric: str, unit: str, better: str, comparison: str
) -> None:
    assert direction(metric, unit) == (better, comparison)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("speed=lower:absolute", ("lower", "absolute")),
        ("other=lower speed=equal", ("equal", "relative")),
        ("speed=", ("higher", "relative")),
        ("speed", ("higher", "relative")),
        ("", ("higher", "relative")),
    ],
)
def test_what_a_record_declares_comes_before_the_name(said: str, expected: tuple[str, str]) -> None:
    assert declared(said, "speed", "GB/s") == expected
