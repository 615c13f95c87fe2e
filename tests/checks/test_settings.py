"""The suite's settings keep every metric of every case, and leave a laptop what it is."""

import sqlite3
import subprocess
from contextlib import closing

import pytest
from fake_checkout import Checkout
from reframe_process import PROGRAM

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
    provenance = {"precision": "float32", "nodes": ["node1", "node2"]}
    outcome = checkout.reframe("-r", fake={"provenance": provenance}, **SETTINGS)
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
        assert row["name"] == "FakeTrain %num_gpus=0 %cpu_nodes=1 %preset=smoke %storage=local"
        assert (row["system"], row["partition"], row["environ"]) == (
            "generic",
            "default",
            "builtin",
        )
        assert row["job_nodelist"]
        assert row["job_completion_time"].startswith("20")
        assert row["metric_directions"] == (
            "loss_step100=equal:absolute throughput=higher:relative "
            "validation_accuracy=higher:absolute"
        )
        assert row["dataset_digest"] == "sha256:0123"
        assert row["gpus_used"] == "0"
        assert row["precision_used"] == "float32"
        assert row["nodes"] == "node1,node2"
        assert row["failure_class"] == ""
        assert row["device_name"] == "a device / with a bar"
        assert row["pipeline"] == "null"


def test_a_failed_case_has_its_rows_too_and_the_columns_stay(checkout: Checkout) -> None:
    checkout.reframe("-r", **SETTINGS)
    checkout.reframe("-r", fake={"metrics": {"throughput": None}}, **SETTINGS)
    rows = checkout.perflog()
    assert [row["result"] for row in rows] == ["pass"] * 3 + ["fail"] * 3
    assert [row["perf_value"] for row in rows[3:]] == ["null"] * 3
    assert {row["fail_phase"] for row in rows[3:]} == {"sanity"}
    assert {row["failure_class"] for row in rows[3:]} == {"judgement"}
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
        assert "validation_accuracy=higher:absolute" in row["metric_directions"]
        assert row["device_name"] == "a device / with a bar"


def test_the_results_database_is_kept(checkout: Checkout) -> None:
    checkout.reframe("-r", **SETTINGS)
    database = checkout.home / ".reframe/reports/results.db"
    with closing(sqlite3.connect(database)) as connection:
        [stored] = connection.execute("SELECT uuid FROM sessions").fetchall()
    assert stored[0] == checkout.report()["session_info"]["uuid"]


WRONG_SITES = {
    "a misspelt field": (
        {"scheduler": None, "schedulr": "slurm"},
        "Additional properties are not allowed ('schedulr' was unexpected)",
    ),
    "a field that lacks": ({"launcher": None}, "partitions/gpu: 'launcher' is a required property"),
    "a wrong type": (
        {"features": "gpu"},
        "systems/cluster/partitions/gpu/features: 'gpu' is not of type 'array'",
    ),
}


def site_text(**fields: object) -> str:
    """A site file of one partition; a field of None is left out."""
    partition = {"name": "gpu", "scheduler": "local", "launcher": "local", "environs": ["builtin"]}
    partition = {name: value for name, value in {**partition, **fields}.items() if value}
    systems = [{"name": "cluster", "hostnames": [], "partitions": [partition]}]
    return f"site_configuration = {{'systems': {systems!r}}}\n"


@pytest.mark.parametrize("fault", WRONG_SITES)
def test_a_site_file_that_reframe_would_not_take_is_named_with_its_field(
    checkout: Checkout, fault: str
) -> None:
    fields, complaint = WRONG_SITES[fault]
    file = checkout.write("systems/cluster.py", site_text(**fields))
    outcome = checkout.reframe("-l", **SETTINGS)
    assert outcome.code == 1
    [error] = [line for line in outcome.text.splitlines() if "ERROR" in line]
    assert f"{file}: " in error
    assert complaint in error


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("site_config = {}", "it has no `site_configuration`"),
        ("site_configuration = []", "it has no `site_configuration`"),
        ("site_configuration = {'system': []}", "'system': no such section in a site file"),
        ("site_configuration = {", "SyntaxError: '{' was never closed"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        (site_text().replace("'cluster'", "'pearl'"), "/pearl.py has a system of this name too"),
    ],
)
def test_a_site_file_is_never_left_out_in_silence(
    checkout: Checkout, text: str, complaint: str
) -> None:
    file = checkout.write("systems/zz_site.py", text)
    outcome = checkout.reframe("-l", **SETTINGS)
    assert outcome.code == 1
    [error] = [line for line in outcome.text.splitlines() if "ERROR" in line]
    assert f"{file}: " in error
    assert complaint in error


def test_a_scheduler_that_reframe_does_not_have_is_named(checkout: Checkout) -> None:
    checkout.write("systems/cluster.py", site_text(scheduler="slrum"))
    outcome = checkout.reframe("-l", "--system", "cluster", **SETTINGS)
    assert outcome.code == 1
    assert "slrum" in outcome.text


@pytest.mark.parametrize(("mask", "others"), [(0o077, 0), (0o027, 0), (0o022, 0o005)])
def test_the_group_reads_the_records_of_a_user_who_would_not_let_it(
    checkout: Checkout, mask: int, others: int
) -> None:
    command = [PROGRAM, "-c", "checks", "-r", "-n", "^FakeTrain"]
    environment = checkout.environment(**SETTINGS)
    subprocess.run(
        command,
        cwd=checkout.folder,
        env=environment,
        umask=mask,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    written = [
        path
        for folder in ("perflogs", "output")
        for path in [checkout.folder / folder, *(checkout.folder / folder).rglob("*")]
    ]
    assert {path.name for path in written} >= {"FakeTrain.log", "rfm_job.out", "rfm_job.sh"}
    for path in written:
        # Readable for the group, and of no use to anybody who wants to change it.
        allowed = 0o050 | others
        assert path.stat().st_mode & 0o077 == allowed & (0o077 if path.is_dir() else 0o066), path
