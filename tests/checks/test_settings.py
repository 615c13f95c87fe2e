"""The suite's settings keep every metric of every case, and leave a laptop what it is."""

import sqlite3
from contextlib import closing

import pytest
from fake_checkout import Checkout

from systems.settings import PERFLOG_COLUMNS

SETTINGS = {"RFM_CONFIG_PATH": "systems"}
SITE = """
site_configuration = {
    "systems": [
        {
            "name": "cluster",
            "hostnames": ["no-such-host"],
            "partitions": [
                {"name": "gpu", "scheduler": "local", "launcher": "local", "environs": ["gnu"]}
            ],
        }
    ],
    "environments": [{"name": "gnu", "cc": "gcc"}],
}
"""


def test_a_laptop_stays_the_generic_system(checkout: Checkout) -> None:
    checkout.write("systems/cluster.py", SITE)
    outcome = checkout.reframe("-lC", **SETTINGS)
    assert "settings.py" in outcome.text
    assert "@generic:default+builtin" in outcome.text


def test_a_site_file_beside_the_settings_is_gathered(checkout: Checkout) -> None:
    checkout.write("systems/cluster.py", SITE)
    outcome = checkout.reframe("-lC", "--system", "cluster", **SETTINGS)
    assert "@cluster:gpu+gnu" in outcome.text


def test_every_metric_has_a_row_with_all_the_columns(checkout: Checkout) -> None:
    outcome = checkout.reframe("-r", fake={"provenance": {"precision": "float32"}}, **SETTINGS)
    assert outcome.code == 0, outcome.text
    rows = checkout.perflog()
    assert [*rows[0]] == [column.removeprefix("check_") for column in PERFLOG_COLUMNS]
    assert [(row["perf_var"], row["perf_value"], row["perf_unit"]) for row in rows] == [
        ("throughput", "1000.0", "images/s"),
        ("validation_accuracy", "0.95", "1"),
        ("loss_step100", "0.25", "1"),
    ]
    for row in rows:
        assert row["result"] == row["perf_result"] == "pass"
        assert row["name"] == "FakeTrain %num_gpus=0 %preset=smoke %storage=local"
        assert (row["system"], row["partition"], row["environ"]) == (
            "generic",
            "default",
            "builtin",
        )
        assert row["job_nodelist"]
        assert row["job_completion_time"].startswith("20")
        directions = "loss_step100=equal throughput=higher validation_accuracy=higher"
        assert row["metric_directions"] == directions
        assert row["dataset_digest"] == "sha256:0123"
        assert row["gpus_used"] == "0"
        assert row["precision_used"] == "float32"
        assert row["device_name"] == "a device / with a bar"
        assert row["pipeline"] == "null"


def test_a_failed_case_has_its_rows_too_and_the_columns_stay(checkout: Checkout) -> None:
    checkout.reframe("-r", **SETTINGS)
    checkout.reframe("-r", fake={"metrics": {"throughput": None}}, **SETTINGS)
    rows = checkout.perflog()
    assert [row["result"] for row in rows] == ["pass"] * 3 + ["fail"] * 3
    assert [row["perf_value"] for row in rows[3:]] == ["null"] * 3
    assert {row["fail_phase"] for row in rows[3:]} == {"sanity"}
    assert {row["dataset_digest"] for row in rows[3:]} == {"sha256:0123"}
    assert not list(checkout.folder.rglob("*.log.h*"))


@pytest.mark.parametrize("fault", [{}, {"metrics": {"throughput": None}}])
def test_the_records_are_right_in_reframe_s_own_format_too(
    checkout: Checkout, fault: dict[str, object]
) -> None:
    checkout.reframe("-r")
    checkout.reframe("-r", fake=fault)
    rows = checkout.perflog()
    assert len(rows) == 2
    assert rows[0]["throughput_value"] == "1000.0"
    assert rows[0]["throughput_unit"] == "images/s"
    assert rows[1]["throughput_value"] == ("None" if fault else "1000.0")
    for row in rows:
        assert "validation_accuracy=higher" in row["metric_directions"]
        assert row["device_name"] == "a device / with a bar"


def test_the_results_database_is_kept(checkout: Checkout) -> None:
    checkout.reframe("-r", **SETTINGS)
    database = checkout.home / ".reframe/reports/results.db"
    with closing(sqlite3.connect(database)) as connection:
        [stored] = connection.execute("SELECT uuid FROM sessions").fetchall()
    assert stored[0] == checkout.report()["session_info"]["uuid"]
