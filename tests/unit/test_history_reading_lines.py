"""Performance logs are read by what their headers say, and what cannot be read is shown."""

import math
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from reframe_records import (
    COLUMNS,
    DEFAULT_COLUMNS,
    START,
    at,
    default_line,
    line,
    write_log,
)
from simulated_history import Run, history, write_performance_logs

from perflogs.history import FIGURES, RUNS, SOUND
from perflogs.reading import source_reader, whole_lines
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.history import read_history
from perflogs.reading.origins import CHARACTERS_KEPT, LINES_KEPT

HEADER = "|".join(COLUMNS)


def read(path: Path, *lines: str, columns: tuple[str, ...] = COLUMNS):
    """The history of one log with these lines."""
    return read_history([write_log(path / "Train.log", *lines, columns=columns)])


def test_our_logs_are_read_as_they_were_meant(tmp_path: Path) -> None:
    runs = [
        Run(night=night, figures={"throughput": 1000.0 + night, "test_accuracy": 0.9}, nodes=nodes)
        for night, nodes in enumerate(["n2,n10", "n1", "n3"])
    ]
    runs.append(Run(night=3, result="fail", fail_phase="sanity", figures={}, fail_reason="why"))
    write_performance_logs(tmp_path, runs)
    found, meant = read_history([tmp_path]), history(runs)
    assert found.runs.schema == RUNS
    assert found.figures.schema == FIGURES
    other = ["session", "jobid", "source", "nodes"]
    assert_frame_equal(found.runs.drop(other), meant.runs.drop(other))
    assert found.runs["nodes"].to_list() == ["n10,n2", "n1", "n3", "n1"]
    assert_frame_equal(found.figures, meant.figures, check_row_order=False)
    assert not found.unreadable


def test_columns_are_found_by_their_names(tmp_path: Path) -> None:
    columns = tuple(reversed(COLUMNS))
    found = [
        read(tmp_path / "a", line()),
        read(tmp_path / "b", line(columns=columns), columns=columns),
    ]
    assert_frame_equal(found[0].runs.drop("source"), found[1].runs.drop("source"))
    assert_frame_equal(found[0].figures, found[1].figures)


def test_a_log_without_the_newer_columns_is_read(tmp_path: Path) -> None:
    columns = tuple(name for name in COLUMNS if name not in ("asctime", "fail_phase"))
    run = read(tmp_path, line(columns=columns), columns=columns).runs.row(0, named=True)
    assert run["campaign"] == "ad hoc"
    assert run["case"] == ""
    assert run["key"] == "{}"
    assert run["partition_nodes"] is None
    assert run["time"] == START


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pass|what", "columns"),
        # It begins as the header does.
        ("result|what", "columns"),
        ("", "columns"),
        (line().rstrip() + "|more", "columns"),
        ("<error formatting the log message: please check the 'format' string>", "format"),
        (line(perf_value="fast").rstrip(), "value is not a number"),
        (line(perf_value="true").rstrip(), "value is not a number"),
        (line(name="Tra\0in").rstrip(), "NUL"),
        (line(name="null").rstrip(), "no name"),
        (line(result="").rstrip(), "no result"),
        (line(job_completion_time="yesterday").rstrip(), "time"),
        (line(job_completion_time="2026-03-01T01:00:00+0x:00").rstrip(), "time"),
        (HEADER, "header again"),
        (HEADER.replace("asctime", "else"), "another header"),
    ],
)
def test_a_line_that_cannot_be_read_is_shown_and_all_others_are_read(
    tmp_path: Path, text: str, why: str
) -> None:
    before, after = line(at(0, 0)), line(at(0, 1))
    found = read(tmp_path, before, text + "\n", after)
    assert found.runs["time"].to_list() == [at(0, 0), at(0, 1)]
    assert found.figures["value"].to_list() == [1.5, 1.5]
    [unreadable] = found.unreadable
    assert unreadable.path == tmp_path / "Train.log"
    assert unreadable.line == 3
    assert unreadable.text == text[:CHARACTERS_KEPT]
    assert why in unreadable.why
    assert found.unlisted == 0


def test_a_line_in_another_encoding_is_shown(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line(at(0, 0)))
    with path.open("ab") as file:
        file.write(line(name="Métier").encode("latin-1") + line(at(0, 1), name="Ωmega").encode())

    found = read_history([path])
    assert found.runs["name"].to_list() == ["Train", "Ωmega"]
    assert [(each.line, each.why) for each in found.unreadable] == [(3, "it is not UTF-8")]


def test_lines_below_another_header_are_read_by_that_one(tmp_path: Path) -> None:
    columns = tuple(sorted(COLUMNS, key=lambda name: (name != "result", name)))
    path = write_log(tmp_path / "Train.log", line(at(0, 0)))
    with path.open("a") as file:
        file.write("|".join(columns) + "\n" + line(at(0, 1), columns=columns))

    found = read_history([path])
    assert found.runs["time"].to_list() == [at(0, 0), at(0, 1)]
    assert len(found.unreadable) == 1


def test_of_many_unreadable_lines_the_number_is_kept(tmp_path: Path) -> None:
    long = "x" * 1000
    found = read(tmp_path, line(), *(f"{long}\n" for _ in range(LINES_KEPT + 50)))
    assert len(found.unreadable) == LINES_KEPT
    assert found.unlisted == 50
    assert {len(each.text) for each in found.unreadable} == {CHARACTERS_KEPT}


def test_whatever_is_wrong_with_them_no_more_lines_of_a_file_are_kept(tmp_path: Path) -> None:
    half = LINES_KEPT // 2 + 5
    found = read(tmp_path, line(), *["x\n"] * half, *["\0\n"] * half)
    assert (len(found.unreadable), found.unlisted) == (LINES_KEPT, 10)


def test_lines_of_several_files_keep_their_numbers(tmp_path: Path) -> None:
    for number in range(3):
        lines = [line(at(10 * number + each), name=f"Train{number}") for each in range(number)]
        write_log(tmp_path / f"Train{number}.log", *lines, "broken\n")

    found = read_history([tmp_path])
    assert [(each.path.name, each.line) for each in found.unreadable] == [
        ("Train0.log", 2),
        ("Train1.log", 3),
        ("Train2.log", 4),
    ]
    assert found.runs["name"].to_list() == ["Train1", "Train2", "Train2"]


@pytest.mark.parametrize("size", [1, 40, 150, 333])
def test_the_size_of_a_block_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    lines = [line(at(0, night), perf_value=night / 7) for night in range(20)]
    path = write_log(tmp_path / "Train.log", *lines[:9], "broken\n", HEADER + "\n", *lines[9:])
    whole = read_history([path])
    for module in (whole_lines, source_reader):
        monkeypatch.setattr(module, "BLOCK", size)

    parted = read_history([path])
    assert_frame_equal(parted.runs, whole.runs)
    assert_frame_equal(parted.figures, whole.figures)
    assert parted.unreadable == whole.unreadable
    assert [each.line for each in whole.unreadable] == [11, 12]


@pytest.mark.parametrize("text", ["null", "None", "", "nan", "NaN", "inf", "-Infinity", "1e999"])
@pytest.mark.parametrize("is_default", [True, False])
def test_what_is_no_finite_number_is_null(tmp_path: Path, text: str, is_default: bool) -> None:
    if is_default:
        found = read(tmp_path, default_line(speed_value=text), columns=DEFAULT_COLUMNS)
    else:
        found = read(tmp_path, line(perf_value=text))

    assert found.figures["value"].to_list() == [None]
    assert not found.unreadable


def test_values_keep_all_their_digits(tmp_path: Path) -> None:
    values = [0.1 + 0.2, math.pi * 1e-300, 123456789.123456789, 5e-324]
    lines = [line(at(0, night), perf_value=repr(value)) for night, value in enumerate(values)]
    assert read(tmp_path, *lines).figures["value"].to_list() == values


def test_the_last_line_of_a_run_and_metric_holds(tmp_path: Path) -> None:
    words = {"result": "fail", "fail_phase": "sanity"}
    found = read(
        tmp_path,
        line(perf_var="speed"),
        line(perf_var="loss", perf_unit="1"),
        line(perf_var="speed", perf_value=2.5, **words),
        line(perf_var="loss", perf_unit="1", **words),
    )
    assert found.runs.select("result", "fail_phase").rows() == [("fail", "sanity")]
    assert found.figures.select(pl.col("metric").cast(str), "value").rows() == [
        ("speed", 2.5),
        ("loss", 1.5),
    ]


def test_the_log_that_was_put_aside_last_holds(tmp_path: Path) -> None:
    logs = [
        write_log(tmp_path / f"Train.log{end}", line(perf_value=number))
        for number, end in enumerate([".h2", ".h10", ""])
    ]
    for sources in (logs, logs[::-1]):
        assert read_history(sources).figures["value"].to_list() == [2.0]


def test_a_reason_goes_with_the_result_that_it_is_of(tmp_path: Path) -> None:
    lines = [line(result="fail", fail_phase="sanity"), line(perf_var="loss")]
    assert read(tmp_path, *lines).runs.select("result", "fail_phase").rows() == [("pass", "")]


def test_what_a_later_line_does_not_say_is_taken_from_an_earlier_one(tmp_path: Path) -> None:
    columns = (*COLUMNS, "driver_version")
    lines = [
        line(columns=columns, driver_version="570"),
        line(columns=columns, perf_var="loss"),
    ]
    assert read(tmp_path, *lines, columns=columns).runs["driver_version"].to_list() == ["570"]


@pytest.mark.parametrize(
    ("second", "count"),
    [
        ({}, 1),
        ({"jobid": "8"}, 2),
        ({"job_nodelist": "n2"}, 2),
        ({"job_nodelist": "null"}, 1),
        ({"environ": "gnu"}, 2),
        ({"partition": "cpu"}, 2),
        ({"name": "Train %seed=2"}, 2),
        ({"time": at(0, 800)}, 2),
        ({"time": at(1)}, 2),
    ],
)
def test_what_tells_runs_apart(tmp_path: Path, second: dict[str, object], count: int) -> None:
    write_log(tmp_path / "a.log", line())
    write_log(tmp_path / "b.log", line(**second))  # type: ignore[arg-type]
    found = read_history([tmp_path])
    assert found.runs.height == count
    assert found.figures.height == count


def test_the_scheduler_says_which_nodes_and_else_the_processes(tmp_path: Path) -> None:
    columns = (*COLUMNS, "nodes")
    lines = [
        line(at(0, 0), columns=columns, job_nodelist="n2,n1", nodes="n1.site,n2.site"),
        line(at(0, 1), columns=columns, job_nodelist="null", nodes="n1.site"),
    ]
    assert read(tmp_path, *lines, columns=columns).runs["nodes"].to_list() == ["n1,n2", "n1.site"]


def test_a_run_without_nodes_stays_alone_where_two_others_have_some(tmp_path: Path) -> None:
    lines = [line(job_nodelist=nodes) for nodes in ("n1", "n2", "null")]
    assert sorted(read(tmp_path, *lines).runs["nodes"]) == ["", "n1", "n2"]


@pytest.mark.parametrize(
    ("hour", "offset", "night"),
    [
        (11, 0, date(2026, 2, 28)),
        (12, 0, date(2026, 3, 1)),
        (23, 0, date(2026, 3, 1)),
        (11, 9, date(2026, 2, 28)),
        (12, 9, date(2026, 3, 1)),
        (0, -10, date(2026, 2, 28)),
    ],
)
@pytest.mark.parametrize("is_default", [True, False])
def test_a_night_is_from_noon_to_noon_by_the_clock_of_the_site(
    tmp_path: Path, hour: int, offset: int, night: date, is_default: bool
) -> None:
    time = datetime(2026, 3, 1, hour, tzinfo=timezone(timedelta(hours=offset)))
    found = (
        read(tmp_path, default_line(time), columns=DEFAULT_COLUMNS)
        if is_default
        else read(tmp_path, line(time))
    )
    assert found.runs.select("time", "night").rows() == [(time.astimezone(UTC), night)]


def test_the_default_format_has_one_line_for_all_figures(tmp_path: Path) -> None:
    more = ("loss_value", "loss_unit", "loss_ref", "loss_lower_thres", "loss_upper_thres")
    columns = (*DEFAULT_COLUMNS, *more, "own_value")
    first = default_line(at(0, 0), speed_ref=2, speed_lower_thres=-0.1).rstrip()
    lines = [
        f"{first}|0.5|1|0|None|None|9\n",
        f"{default_line(at(0, 1)).rstrip()}|fast|1|0|None|None|9\n",
    ]
    found = read(tmp_path, *lines, columns=columns)
    assert found.figures.with_columns(pl.col(pl.Categorical).cast(str)).rows() == [
        (0, "speed", 1.5, "GB/s", "higher", "relative", 2.0, -0.1, None),
        (0, "loss", 0.5, "1", "lower", "absolute", None, None, None),
    ]
    assert [(each.line, each.why) for each in found.unreadable] == [
        (3, "loss.value is not a number")
    ]


def test_a_reference_of_0_without_bounds_is_none(tmp_path: Path) -> None:
    columns = (*COLUMNS, "perf_ref", "perf_lower_thres", "perf_upper_thres")
    fields = ("perf_ref", "perf_lower_thres", "perf_upper_thres")
    written = [(0, "null", "null"), (2, "null", "null"), (0, "null", 0.1), (0, -0.1, "null")]
    lines = [
        line(at(0, night), columns=columns, **dict(zip(fields, each, strict=True)))  # type: ignore[arg-type]
        for night, each in enumerate(written)
    ]
    figures = read(tmp_path, *lines, columns=columns).figures
    assert figures["reference"].to_list() == [None, 2.0, 0.0, 0.0]


def test_a_failure_with_figures_has_missed_a_reference(tmp_path: Path) -> None:
    lines = [
        default_line(at(0, 0), result="fail"),
        default_line(at(0, 1), result="fail", speed_value="None"),
    ]
    runs = read(tmp_path, *lines, columns=DEFAULT_COLUMNS).runs
    assert runs["fail_phase"].to_list() == ["performance", ""]
    assert runs.filter(SOUND)["run"].to_list() == [0]


def test_directions_come_with_the_record_or_else_from_the_name(tmp_path: Path) -> None:
    columns = (*COLUMNS, "metric_directions")
    said = "speed=lower:absolute share=higher"
    lines = [
        line(columns=columns, perf_var=name, perf_unit=unit, metric_directions=said)
        for name, unit in (("speed", "GB/s"), ("share", "1"), ("epoch_seconds", "s"), ("x", "y"))
    ]
    figures = read(tmp_path, *lines, columns=columns).figures
    assert figures.select(pl.col("metric", "better", "comparison").cast(str)).rows() == [
        ("speed", "lower", "absolute"),
        ("share", "higher", "absolute"),
        ("epoch_seconds", "lower", "relative"),
        ("x", "", "relative"),
    ]


def test_the_key_is_the_case_and_what_else_makes_another_series(tmp_path: Path) -> None:
    columns = (*COLUMNS, "reference_case", "seed", "preset", "device_name", "driver_version")
    text = line(
        columns=columns,
        reference_case='{"preset": "tiny", "num_gpus": 2, "jit": false}',
        seed=1,
        preset="tiny",
        device_name="",
        driver_version="570",
    )
    run = read(tmp_path, text, columns=columns).runs.row(0, named=True)
    assert run["case"] == '{"jit": false, "num_gpus": 2, "preset": "tiny"}'
    assert run["key"] == '{"jit": false, "num_gpus": 2, "preset": "tiny", "seed": "1"}'


@pytest.mark.parametrize("case", ["[1]", "{", "tiny"])
def test_a_case_that_is_no_object_is_unreadable(tmp_path: Path, case: str) -> None:
    columns = (*COLUMNS, "reference_case")
    lines = [line(columns=columns), line(columns=columns, reference_case=case)]
    found = read(tmp_path, *lines, columns=columns)
    assert [each.line for each in found.unreadable] == [3]


def test_what_is_no_performance_log_is_shown_once(tmp_path: Path) -> None:
    write_log(tmp_path / "Train.log", line())
    (tmp_path / "other.log").write_text("2026-03-01 something happened\n" * 10)
    (tmp_path / "binary.log").write_bytes(bytes(range(256)) * 10)
    found = read_history([tmp_path])
    assert found.runs.height == 1
    assert [(each.path.name, each.line) for each in found.unreadable] == [
        ("binary.log", 1),
        ("other.log", 1),
    ]
    assert not found.unfinished


def test_a_log_that_cannot_be_opened_is_shown(tmp_path: Path) -> None:
    write_log(tmp_path / "Train.log", line())
    (tmp_path / "gone.log").symlink_to(tmp_path / "nowhere.log")
    found = read_history([tmp_path])
    assert [each.why for each in found.unreadable] == ["No such file or directory"]


def test_a_run_without_any_time_is_kept(tmp_path: Path) -> None:
    runs = read(tmp_path, line(job_completion_time="null", asctime="null"), line(jobid="8")).runs
    assert runs["time"].to_list() == [None, START]
    assert runs["night"].to_list() == [None, date(2026, 2, 28)]


def test_progress_ends_where_all_is_done(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_log(tmp_path / f"{name}.log", line(name=name))

    told: list[tuple[str, int, int]] = []
    read_history([tmp_path], progress=lambda *words: told.append(words))
    size = sum(path.stat().st_size for path in tmp_path.glob("*.log"))
    assert told[-1][1:] == (size, size)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)


@pytest.mark.parametrize("content", ["", HEADER, HEADER + "\n", HEADER + "\nbroken\n", "{}"])
def test_a_log_without_a_record_is_unusable(tmp_path: Path, content: str) -> None:
    path = tmp_path / "Train.log"
    path.write_text(content)
    with pytest.raises(UnusableHistory, match=r"Train\.log"):
        read_history([path])


def test_a_source_that_is_not_there_is_unusable(tmp_path: Path) -> None:
    write_log(tmp_path / "Train.log", line())
    for missing in (tmp_path / "nowhere", tmp_path / "nowhere.log"):
        with pytest.raises(UnusableHistory, match="nowhere"):
            read_history([tmp_path, missing])

    with pytest.raises(UnusableHistory, match="no history"):
        read_history([])
