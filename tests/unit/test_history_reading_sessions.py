"""Sessions in run reports and in the results database are read whole, and merged with the logs."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from reframe_records import (
    COLUMNS,
    DEFAULT_COLUMNS,
    START,
    at,
    case,
    default_line,
    line,
    report,
    text_of,
    write_database,
    write_log,
    write_report,
)

from perflogs.reading import database as database_module
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.history import read_history

NO_JOB = {"jobid": "null", "job_nodelist": "null"}


def write(folder: Path, kind: str, *reports: dict[str, Any]) -> Path:
    """The same sessions in a database, or in a folder of reports."""
    if kind == "database":
        return write_database(folder / "results.db", *reports)

    (folder / "reports").mkdir()
    for number, each in enumerate(reports):
        write_report(folder / f"reports/run-report-{number}.json", each)

    return folder / "reports"


@pytest.fixture(params=["database", "reports"])
def kind(request: pytest.FixtureRequest) -> str:
    """Either place where ReFrame keeps its sessions."""
    return str(request.param)


def test_a_session_says_what_a_log_does_not(tmp_path: Path, kind: str) -> None:
    source = write(tmp_path, kind, report([case()], campaign="nightly"))
    run = read_history([source]).runs.row(0, named=True)
    assert run["time"] == START
    assert run["nodes"] == "n1"
    assert (run["campaign"], run["session"], run["workdir"]) == ("nightly", "a", "/suite")
    assert run["command"] == "reframe -c checks -r"
    assert json.loads(run["configuration"]) == ["<builtin>"]


@pytest.mark.parametrize(
    ("fields", "phase", "reason"),
    [
        ({"result": "skip"}, "", "skipped by the check itself"),
        ({"result": "fail_deps"}, "", "not run: a case that it needs did not pass"),
        ({"result": "abort", "fail_phase": "run", "fail_reason": "^C"}, "run", "^C"),
        ({"result": "fail", "fail_phase": "setup", "fail_reason": "a\n  b"}, "setup", "a b"),
        (
            {"result": "fail", "fail_phase": "setup", "fail_reason": "x", "failure_reason": "y"},
            "setup",
            "y",
        ),
    ],
)
def test_a_case_without_a_job_has_its_result_and_reason(
    tmp_path: Path, kind: str, fields: dict[str, Any], phase: str, reason: str
) -> None:
    source = write(tmp_path, kind, report([case(None, perfvalues={}, **fields)]))
    [row] = read_history([source]).runs.rows(named=True)
    assert (row["result"], row["fail_phase"], row["fail_reason"]) == (
        fields["result"],
        phase,
        reason,
    )
    # When it was recorded: at the end of the session.
    assert row["time"] == at(3600)


def waiting(name: str, *needs: str, **fields: object) -> dict[str, Any]:
    """A case that needs others, as ReFrame calls these, and did not run."""
    dependencies = [[each, "pearl:gpu", "builtin"] for each in needs]
    unique = {"unique_name": f"{name}_1", "dependencies_actual": dependencies}
    return case(None, name=name, **{"result": "fail_deps", **unique, **fields})


def test_a_case_that_was_not_run_names_what_it_needs_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    cases = [
        case(None, name="Other", unique_name="Other_1", result="fail"),
        case(None, name="Data ~Train", unique_name="Data_1", result="fail", fail_phase="setup"),
        case(name="Sound", unique_name="Sound_1"),
        waiting("Train", "Data_1", "Sound_1", "Gone_1"),
        waiting("Evaluate", "Train_1"),
        waiting("Extract", "Train_1", "Evaluate_1"),
        waiting("Skipped", result="skip"),
        waiting("Later", "Skipped_1", result="skip"),
        waiting("One", "Two_1"),
        waiting("Two", "One_1"),
    ]
    runs = read_history([write(tmp_path, kind, report(cases))]).runs
    reasons = dict(runs.filter(pl.col("result") != "fail").select("name", "fail_reason").rows())
    needs = "not run: needs a case that did not pass"
    assert reasons == {
        "Sound": "",
        "Train": f"{needs} (Data ~Train)",
        "Evaluate": f"{needs} (Data ~Train)",
        "Extract": f"{needs} (Data ~Train)",
        "Skipped": "skipped by the check itself",
        "Later": f"{needs} (Skipped)",
        "One": f"{needs} (Two)",
        "Two": f"{needs} (One)",
    }


def test_what_is_no_character_is_a_question_mark(tmp_path: Path, kind: str) -> None:
    source = write(tmp_path, kind, report([case(name="Train\ud800")], workdir="/\udfff"))
    assert read_history([source]).runs.select("name", "workdir").rows() == [("Train?", "/?")]


def test_a_reference_without_bounds_is_none(tmp_path: Path, kind: str) -> None:
    figures = {
        "pearl:gpu:speed": [1.5, 0, None, None, "GB/s", "pass"],
        "pearl:gpu:loss": [1.5, 0, None, 0.1, "1", "pass"],
        "pearl:gpu:share": [1.5, 2, None, None, "1", "pass"],
    }
    source = write(tmp_path, kind, report([case(perfvalues=figures)]))
    assert read_history([source]).figures["reference"].to_list() == [None, 0.0, 2.0]


def test_a_case_that_was_pinned_to_a_node_names_it(tmp_path: Path, kind: str) -> None:
    pinned = case(None, result="fail_deps", display_name="Train %.part=pearl:gpu %.nid=n7")
    source = write(tmp_path, kind, report([pinned]))
    assert read_history([source]).runs["nodes"].to_list() == ["n7"]


def test_the_same_session_in_two_places_counts_once(tmp_path: Path) -> None:
    content = report([case(), case(None, result="skip")])
    sources = [write(tmp_path, kind, content) for kind in ("reports", "database")]
    for order in (sources, sources[::-1]):
        assert read_history(order).runs.height == 2


@pytest.mark.parametrize("is_default", [True, False])
def test_log_and_session_say_one_thing_of_one_run(
    tmp_path: Path, kind: str, is_default: bool
) -> None:
    measured = {"pearl:gpu:loss": [0.5, 0, None, None, "1", "pass"]}
    session = report([case(perfvalues=measured, result="fail", fail_phase="sanity")])
    source = write(tmp_path, kind, session)
    lines, columns = ([default_line()], DEFAULT_COLUMNS) if is_default else ([line()], COLUMNS)
    log = write_log(tmp_path / "Train.log", *lines, columns=columns)
    for sources in ([log, source], [source, log]):
        found = read_history(sources)
        assert found.runs.select("result", "fail_phase", "session").rows() == [
            ("fail", "sanity", "a")
        ]
        assert dict(found.figures.select(pl.col("metric").cast(str), "value").rows()) == {
            "speed": 1.5,
            "loss": 0.5,
        }


def test_the_second_is_cut_off_as_in_the_log(tmp_path: Path) -> None:
    # Of the last, a number of 64 bits has 0.99999976, which is 1 to the microsecond.
    for number, fraction in enumerate([0.0, 0.5, 0.999999, 0.9999997]):
        ended = START.timestamp() + fraction
        assert ended < START.timestamp() + 1
        source = write_report(
            tmp_path / f"{number}.json", report([case(job_completion_time_unix=ended)])
        )
        second = START + timedelta(seconds=int(number == 3))
        assert read_history([source]).runs["time"].to_list() == [second]


def test_a_failure_before_the_job_is_found_in_log_and_session(tmp_path: Path, kind: str) -> None:
    failed = {"result": "fail", "fail_phase": "setup"}
    written = [
        # A line for each metric, over the change of a second, and the same at the second try.
        line(at(10), perf_var="speed", perf_value="null", **NO_JOB, **failed),
        line(at(11), perf_var="loss", perf_value="null", **NO_JOB, **failed),
        line(at(11), perf_var="speed", perf_value="null", **NO_JOB, **failed),
        line(at(11), perf_var="loss", perf_value="null", **NO_JOB, **failed),
    ]
    log = write_log(tmp_path / "Train.log", *written)
    assert read_history([log]).runs["time"].to_list() == [at(10), at(11)]
    cases = [[case(None, perfvalues={}, **failed)], [case(None, perfvalues={}, **failed)]]
    source = write(tmp_path, kind, report(*cases))
    found = read_history([log, source])
    assert found.runs["time"].to_list() == [at(10), at(11)]
    assert found.runs["session"].to_list() == ["a", "a"]
    assert found.figures.height == 4


@pytest.mark.parametrize(
    ("time", "fields", "count"),
    [
        (at(10), {}, 1),
        (at(0), {}, 1),
        (at(3600), {}, 1),
        (at(3601), {}, 2),
        (at(-1), {}, 2),
        (at(10, 1), {}, 2),
        (at(10), {"result": "pass"}, 2),
        (at(10), {"fail_phase": "compile"}, 2),
        (at(10), {"name": "Other"}, 2),
    ],
)
def test_a_line_without_a_job_belongs_to_the_session_that_ran(
    tmp_path: Path, time: Any, fields: dict[str, str], count: int
) -> None:
    failed = {"result": "fail", "fail_phase": "setup"}
    log = write_log(tmp_path / "Train.log", line(time, **{**NO_JOB, **failed, **fields}))
    source = write_report(tmp_path / "a.json", report([case(None, **failed)]))
    assert read_history([log, source]).runs.height == count


def test_of_two_sessions_within_a_second_each_has_its_own_lines(tmp_path: Path) -> None:
    lines = [line(at(10), perf_value=number, **NO_JOB) for number in range(4)]
    log = write_log(tmp_path / "Train.log", *lines)
    sessions = []
    for number, uuid in enumerate("ba"):
        begun = at(10 + 0.25 * number).timestamp()
        times = {"time_start_unix": begun, "time_end_unix": begun + 0.25}
        cases = [[case(None, perfvalues={})], [case(None, perfvalues={})]]
        sessions.append(report(*cases, uuid=uuid, **times))

    found = read_history([log, write_database(tmp_path / "results.db", *sessions)])
    values = found.figures.join(found.runs.select("run", "session"), on="run")
    assert values.select("value", "session").sort("value").rows() == [
        *((0.0, "b"), (1.0, "b"), (2.0, "a"), (3.0, "a")),
    ]


def test_lines_long_after_each_other_are_of_several_runs(tmp_path: Path) -> None:
    lines = [line(at(10), **NO_JOB), line(at(20), perf_var="loss", **NO_JOB)]
    assert read_history([write_log(tmp_path / "Train.log", *lines)]).runs.height == 2


def test_a_job_without_an_end_is_found_under_the_time_of_its_log(tmp_path: Path) -> None:
    failed = default_line(at(10), result="fail", speed_value="None")
    log = write_log(tmp_path / "Train.log", failed, columns=DEFAULT_COLUMNS)
    unended = case(None, jobid="7", job_nodelist=["n1"], result="fail", fail_phase="sanity")
    source = write_report(tmp_path / "a.json", report([unended]))
    runs = read_history([log, source]).runs
    assert runs.select("time", "fail_phase", "session").rows() == [(at(10), "sanity", "a")]


def test_a_job_that_never_ended_is_found_by_its_number(tmp_path: Path) -> None:
    failed = {"result": "fail", "fail_phase": "run_wait"}
    log = write_log(tmp_path / "Train.log", line(at(10), **failed), line(at(10, 5), **failed))
    cancelled = case(None, jobid="7", job_nodelist=["n1"], **failed)
    source = write_report(tmp_path / "a.json", report([cancelled]))
    found = read_history([log, source])
    assert found.runs["session"].to_list() == ["a", ""]


def test_copies_of_a_log_count_once(tmp_path: Path) -> None:
    lines = [line(at(0), **NO_JOB), line(at(0), **NO_JOB), line(at(5))]
    for name in ("a", "b"):
        write_log(tmp_path / name / "Train.log", *lines)

    assert read_history([tmp_path]).runs.height == 3


def test_a_dry_run_is_no_run(tmp_path: Path, kind: str) -> None:
    unmeasured = {"pearl:gpu:speed": [None, 0, None, None, "GB/s", None]}
    source = write(tmp_path, kind, report([case(None, perfvalues=unmeasured), case()]))
    assert read_history([source]).runs["jobid"].to_list() == ["7"]


def test_a_job_that_passed_without_a_figure_is_a_run(tmp_path: Path, kind: str) -> None:
    unmeasured = {"pearl:gpu:speed": [None, 0, None, None, "GB/s", None]}
    source = write(tmp_path, kind, report([case(None, jobid="9", perfvalues=unmeasured)]))
    assert read_history([source]).runs["jobid"].to_list() == ["9"]


def test_a_case_that_cannot_be_read_is_shown(tmp_path: Path, kind: str) -> None:
    strange: list[Any] = [
        case(perfvalues={"pearl:gpu:speed": ["fast", 0, None, None, "GB/s", "pass"]}),
        case(perfvalues={"pearl:gpu:speed": [True, 0, None, None, "GB/s", "pass"]}),
        case(perfvalues={"pearl:gpu:speed": [1.5]}),
        case(perfvalues=None),
        case(name=None),
        case(reference_case="[1]"),
        case(job_completion_time_unix="now"),
        case(job_completion_time_unix=1e300),
        "no case",
        None,
    ]
    found = read_history([write(tmp_path, kind, report([*strange, case(at(9))]))])
    assert found.runs["time"].to_list() == [at(9)]
    assert [each.line for each in found.unreadable] == [*range(1, len(strange) + 1)]


@pytest.mark.parametrize("blob", ["{", "[]", '{"session_info": {}}', b"\xff\xfe", '{"a": 1}'])
def test_a_session_that_cannot_be_read_is_shown(tmp_path: Path, blob: str | bytes) -> None:
    path = write_database(tmp_path / "results.db", blob, report([case()]))
    for index in (None, tmp_path / "index", tmp_path / "index"):
        found = read_history([path], index)
        assert found.runs.height == 1
        assert [each.path for each in found.unreadable] == [path]


def test_a_session_that_was_deleted_is_gone(tmp_path: Path) -> None:
    reports = [report([case(at(0, n))], uuid=f"{n}", night=n) for n in range(2)]
    path = write_database(tmp_path / "results.db", *reports)
    assert read_history([path], tmp_path / "index").runs.height == 2
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM sessions WHERE uuid = '0'")
    connection.commit()
    connection.close()
    for _ in range(2):
        assert read_history([path], tmp_path / "index").runs["session"].to_list() == ["1"]

    assert len(json.loads((tmp_path / "index/index.json").read_text())["origins"]) == 1


def test_a_locked_database_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE_SECONDS", 0.0)
    path = write_database(tmp_path / "results.db", report([case()]))
    log = write_log(tmp_path / "Train.log", line(at(9)))
    read_history([path], tmp_path / "index")
    connection = sqlite3.connect(path)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.raises(UnusableHistory, match=r"results\.db: database is locked"):
            read_history([log, path])

        # What is known of it already is there.
        found = read_history([path], tmp_path / "index")
        assert found.runs.height == 1
        assert [each.why for each in found.unreadable] == ["database is locked"]
    finally:
        connection.close()

    found = read_history([path], tmp_path / "index")
    assert not found.unreadable


def corrupt(path: Path, how: str) -> None:
    """Makes a database unusable in one of many ways."""
    if how == "empty":
        path.write_bytes(b"")
    elif how == "no database":
        path.write_bytes(b"no database at all, whatever its name is" * 100)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "overwritten":
        content = path.read_bytes()
        path.write_bytes(content[:100] + b"\xaa" * (len(content) - 100))
    else:
        path.unlink()
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE others(a)")
        connection.close()


@pytest.mark.parametrize("how", ["empty", "no database", "cut", "overwritten", "another's"])
def test_a_damaged_database_is_said_in_one_line(tmp_path: Path, how: str) -> None:
    path = write_database(tmp_path / "results.db", *(report([case()], uuid=f"{n}") for n in "abc"))
    corrupt(path, how)
    with pytest.raises(UnusableHistory, match=r"results\.db") as caught:
        read_history([path])

    assert "\n" not in str(caught.value)


def test_a_database_that_is_damaged_in_part_is_read_in_part(tmp_path: Path) -> None:
    many = [report([case(at(0, n), text="x" * 50_000)], uuid=f"{n}", night=n) for n in range(8)]
    path = write_database(tmp_path / "results.db", *many)
    content = path.read_bytes()
    middle = len(content) // 2 // 4096 * 4096
    path.write_bytes(content[:middle] + bytes(4096) + content[middle + 4096 :])
    found = read_history([path])
    assert 1 <= len(found.unreadable) <= 2
    assert found.runs.height + len(found.unreadable) == 8


def test_a_database_is_never_written(tmp_path: Path) -> None:
    path = write_database(tmp_path / "results #1?.db", report([case()]))
    before = path.read_bytes()
    assert read_history([path]).runs.height == 1
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    readonly = pytest.raises(sqlite3.OperationalError, match="readonly")
    with closing(database_module.Database(path)) as opened, readonly:
        opened._connection.execute("DELETE FROM sessions")


def test_a_report_that_is_being_written_is_unfinished_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = write_report(tmp_path / "whole.json", report([case()], uuid="a"))
    cut = tmp_path / "cut.json"
    content = json.dumps(report([case()], uuid="b"))
    for size in range(1, len(content), 17):
        cut.write_text(content[:size])
        found = read_history([whole, tmp_path])
        unreadable = [each.path for each in found.unreadable]
        # A bracket may be the last one for all that one can tell.
        assert (found.unfinished, unreadable) in (
            [([], [cut])] if content[:size].endswith("}") else [([cut], [])]
        )


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"session_info": {"uuid": "a"}}'])
def test_what_is_no_report_is_unusable(tmp_path: Path, content: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content)
    with pytest.raises(UnusableHistory, match=r"report\.json"):
        read_history([path])


def test_the_offset_of_a_case_is_its_own(tmp_path: Path, kind: str) -> None:
    # In winter and in summer, of one session over the change of the clock.
    shifted = case(job_completion_time=text_of(START)[:-6] + "+11:30")
    source = write(tmp_path, kind, report([case(), shifted]))
    nights = read_history([source]).runs["night"].to_list()
    assert len(nights) == 1
    assert str(nights[0]) == "2026-03-01"
