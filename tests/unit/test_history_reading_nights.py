"""What cannot be read says no time of its own: its place tells in which night it was written."""

import os
import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from reframe_records import COLUMNS, at, case, line, report, write_database, write_log, write_report

from perflogs.reading.history import read_history
from perflogs.reading.origins import LINES_KEPT
from perflogs.reading.times import night_at

#: The nights that the runs of `reframe_records` are of, and one long after them.
FIRST, SECOND, LATER = date(2026, 2, 28), date(2026, 3, 1), date(2026, 7, 1)


def changed(path: Path, night: date = LATER) -> Path:
    """The file, last written one hour after midnight in a night."""
    day = night + timedelta(days=1)
    second = datetime(day.year, day.month, day.day, 1).astimezone().timestamp()
    os.utime(path, (second, second))
    return path


def nights(*sources: Path, index: Path | None = None) -> list[date | None]:
    """The nights of all that cannot be read."""
    return [each.night for each in read_history(sources, index).unreadable]  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_broken_line_is_of_the_night_of_the_line_before_it(tmp_path: Path, is_kept: bool) -> None:
    lines = [line(at(0, 0)), "broken\n", "broken\n", line(at(0, 1)), "broken\n", line(at(0, 5))]
    path = changed(write_log(tmp_path / "Train.log", *lines))
    index = tmp_path / "index" if is_kept else None
    for _ in range(2):
        assert nights(path, index=index) == [FIRST, FIRST, SECOND]


def test_at_the_end_of_a_log_it_is_of_the_night_of_the_last_change(tmp_path: Path) -> None:
    path = changed(write_log(tmp_path / "Train.log", line(at(0, 0)), "broken\n", "broken\n"))
    assert nights(path, index=tmp_path / "index") == [LATER, LATER]
    with path.open("a") as file:
        file.write(line(at(0, 1)))

    # What follows shows that it is older than the file.
    assert nights(path, index=tmp_path / "index") == [FIRST, FIRST]


def test_amid_the_lines_of_the_last_run_it_is_of_the_night_of_that_run(tmp_path: Path) -> None:
    lines = [line(at(0, 0)), "broken\n", line(at(0, 0), perf_var="loss"), "broken\n"]
    assert nights(changed(write_log(tmp_path / "Train.log", *lines))) == [FIRST, LATER]


def test_of_very_many_broken_lines_those_at_the_end_are_of_the_last_change(tmp_path: Path) -> None:
    broken = ["broken\n"] * (LINES_KEPT + 9)
    path = write_log(tmp_path / "Train.log", line(at(0, 0)), *broken)
    assert set(nights(changed(path))) == {LATER}
    path = write_log(tmp_path / "Train.log", *broken[:9], line(at(0, 0)), *broken, line(at(0, 1)))
    assert set(nights(changed(path))) == {None, FIRST}


def test_the_night_of_a_line_is_by_the_clock_of_its_site(tmp_path: Path) -> None:
    tokyo = line(job_completion_time="2026-03-01T12:30:00+09:00")
    assert nights(write_log(tmp_path / "Train.log", tokyo, "broken\n", line(at(0, 5)))) == [SECOND]


def test_where_no_line_before_it_has_a_time_nothing_tells(tmp_path: Path) -> None:
    timeless = line(job_completion_time="null", asctime="null")
    first = write_log(tmp_path / "a.log", "broken\n", line())
    second = write_log(tmp_path / "b.log", timeless, "broken\n", line())
    assert nights(changed(first), changed(second)) == [None, None]


def test_no_run_is_lost_with_a_header_or_with_a_file_that_is_none_of_reframe(
    tmp_path: Path,
) -> None:
    again = "|".join(COLUMNS) + "\n"
    path = write_log(tmp_path / "Train.log", line(), again, line(at(0, 1)), again)
    (tmp_path / "check.log").write_text("what cron has said\n")
    for each in (path, tmp_path / "check.log"):
        changed(each)

    assert nights(tmp_path) == [None, None, None]


def test_a_report_that_is_none_is_of_the_night_in_which_it_was_written(tmp_path: Path) -> None:
    write_report(tmp_path / "a.json", report([case()]))
    (tmp_path / "b.json").write_text("[}")
    changed(tmp_path / "b.json")
    assert nights(tmp_path) == [LATER]


def test_a_case_that_cannot_be_read_is_of_the_night_of_its_session(tmp_path: Path) -> None:
    cases = [case(), case(perfvalues=None)]
    assert nights(changed(write_report(tmp_path / "a.json", report(cases)))) == [FIRST]
    endless = report(cases, uuid="b", time_end_unix=1e300)
    assert nights(changed(write_report(tmp_path / "b.json", endless))) == [None]


@pytest.mark.parametrize(
    ("end", "night"),
    [(at(3600, 1).timestamp(), SECOND), (0.0, date(1969, 12, 31)), (None, None), (1e300, None)],
)
def test_a_session_that_cannot_be_read_is_of_the_night_in_which_it_ended(
    tmp_path: Path, end: float | None, night: date | None
) -> None:
    path = write_database(tmp_path / "results.db", "{", report([case()]))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sessions SET session_end_unix = ?", (end,))

    connection.close()
    assert nights(changed(path)) == [night]


def test_a_database_that_cannot_be_read_is_of_the_night_of_its_last_change(tmp_path: Path) -> None:
    path, index = write_database(tmp_path / "results.db", report([case()])), tmp_path / "index"
    assert nights(path, index=index) == []
    path.write_bytes(b"damaged")
    assert nights(changed(path), index=index) == [LATER]


@pytest.mark.parametrize(
    ("second", "offset", "night"),
    [
        (datetime(2026, 3, 1, 11, 59, 59, tzinfo=UTC).timestamp(), 0, FIRST),
        (datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp(), 0, SECOND),
        (datetime(2026, 3, 1, 2, 30, tzinfo=UTC).timestamp(), 570, SECOND),
        (datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp(), -60, FIRST),
        (-1.0, 0, None),
        (float("inf"), 0, None),
        (float("nan"), 0, None),
    ],
)
def test_a_night_is_from_noon_to_noon(second: float, offset: int, night: date | None) -> None:
    assert night_at(second, offset) == night
