"""The command line: each exit code is provoked on real log files, and what is known counts not."""

import itertools
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from history_commands import called, one_line_error
from simulated_history import FIRST_NIGHT, Run, morning_after, write_performance_logs

NODES = ["n1", "n2", "n3", "n4"]
FAILED = {"result": "fail", "fail_phase": "sanity", "failure_class": "run", "figures": {}}


def nights(count: int, level: float = 1000.0, first: int = 0, name: str = "Train") -> list[Run]:
    """A run a night around a level, with 1 % of noise."""
    noise = np.random.default_rng(first).standard_normal(count)
    return [
        Run(
            name=name,
            night=first + night,
            figures={"throughput": float(level * (1 + 0.01 * each))},
            nodes=NODES[night % 4],
        )
        for night, each in enumerate(noise)
    ]


FALLING = [*nights(40), *nights(12, 900.0, 40)]
REMADE = itertools.count()
# The day on which the history that was written last is looked at.
MORNING = [FIRST_NIGHT]


@pytest.fixture(autouse=True)
def _plain_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("perflogs.commands.check.today", lambda: MORNING[0])
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("RFM_PERFLOG_DIR", "RFM_SQLITE_DB_FILE", "RFM_REPORT_FILE"):
        monkeypatch.delenv(variable, raising=False)


def logs(tmp_path: Path, runs: list[Run]) -> Path:
    """A folder of performance logs with these runs."""
    folder = tmp_path / f"perflogs{next(REMADE)}"
    folder.mkdir()
    write_performance_logs(folder, runs)
    MORNING[0] = morning_after(runs)
    return folder


def check(folder: Path, *options: object) -> int:
    """The exit code of `check`."""
    return called("check", "--history", folder, *options)


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        (nights(30), 0),
        (FALLING, 1),
        ([*nights(40), *nights(12, 1100.0, 40)], 0),
        ([*nights(30), Run(name="Other", night=29, **FAILED)], 3),
        ([*nights(30), *nights(20, name="Gone")], 4),
        ([Run(figures={}, night=night) for night in range(3)], 4),
        ([*nights(30), Run(night=29, hour=3.0, name="Other", **FAILED), *nights(20, name="G")], 3),
        ([*FALLING, Run(name="Other", night=51, **FAILED), *nights(20, name="Gone")], 1),
    ],
    ids=["clean", "regressed", "better", "failed", "silent", "empty", "3 over 4", "1 over all"],
)
def test_the_exit_code_is_the_verdict(tmp_path: Path, runs: list[Run], code: int) -> None:
    assert check(logs(tmp_path, runs)) == code
    # What was kept the first time changes nothing.
    folder = logs(tmp_path, runs)
    assert [check(folder), check(folder), check(folder, "--no-index")] == [code] * 3


def test_without_a_name_the_history_is_where_reframe_puts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "perflogs").mkdir()
    write_performance_logs(tmp_path / "perflogs", FALLING)
    MORNING[0] = morning_after(FALLING)
    assert called("check") == 1
    monkeypatch.setenv("RFM_PERFLOG_DIR", str(logs(tmp_path, nights(30))))
    assert called("check") == 0


def test_a_nightly_run_that_no_longer_starts_is_not_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, nights(30))
    MORNING[0] += timedelta(days=1)
    assert check(folder) == 0
    capsys.readouterr()
    MORNING[0] += timedelta(days=1)
    assert check(folder) == 4
    assert "nothing has been recorded since the night of 2026-01-30" in capsys.readouterr().out


def test_runs_that_nobody_promised_are_not_missed_for_a_month(tmp_path: Path) -> None:
    folder = logs(tmp_path, [replace(run, campaign="ad hoc") for run in nights(30)])
    MORNING[0] += timedelta(days=29)
    assert check(folder) == 0
    MORNING[0] += timedelta(days=1)
    assert check(folder) == 4


def test_a_line_of_tonight_that_cannot_be_read_is_not_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, nights(30))
    log = folder / "pearl/gpu/Train.log"
    with log.open("a") as file:
        file.write("pass|2026-01-30T02:00:00+00:00|of an earlier night\n")
        file.write("pass|2126-01-29T02:00:00+00:00|of no night\npass|2026-19-29T02:00|of none\n")

    assert check(folder) == 0
    with log.open("a") as file:
        file.write("pass|2026-01-31T02:10:00+00:00|of the newest\n")

    capsys.readouterr()
    assert check(folder) == 4
    page = capsys.readouterr().out
    assert "4 line(s) or files cannot be read, 1 of them of the newest night" in page


def test_as_of_a_day_a_line_of_the_night_that_begins_then_is_not_known(tmp_path: Path) -> None:
    folder = logs(tmp_path, nights(30))
    with (folder / "pearl/gpu/Train.log").open("a") as file:
        file.write("pass|2026-01-21T02:10:00+00:00|of the night of the 20th\n")

    assert check(folder, "--as-of", "2026-01-20") == 0
    assert check(folder, "--as-of", "2026-01-21") == 4


def test_a_broken_line_without_a_time_is_of_tonight_where_its_place_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, nights(30))
    log = folder / "pearl/gpu/Train.log"

    def codes(lines: list[str]) -> list[int]:
        """With the last change of the log in the night before, in that night, and days later."""
        log.write_text("".join(lines))
        found = []
        for days in (-1, 0, 9):
            ended = datetime.combine(MORNING[0] + timedelta(days=days), time(2)).astimezone()
            os.utime(log, (ended.timestamp(), ended.timestamp()))
            found.append(check(folder))

        return found

    header, *lines = log.read_text().splitlines(keepends=True)
    assert codes([header, *lines, "no such line\n"]) == [0, 4, 0]
    assert "1 line(s) or files cannot be read, 1 of them of the newest night" in (
        capsys.readouterr().out
    )
    # What stands before the record of tonight was there before.
    assert codes([header, *lines[:-1], "no such line\n", lines[-1]]) == [0, 0, 0]
    again = lines[-1].replace("T02:00", "T02:30")
    assert codes([header, *lines, "no such line\n", again]) == [4, 4, 4]


def test_a_result_that_nobody_knows_is_not_green(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(logs(tmp_path, [*nights(30), Run(name="Other", night=29, result="odd")])) == 4
    assert "nothing is known of it: its result is 'odd'" in capsys.readouterr().out


def test_as_of_a_day_nothing_later_is_known(tmp_path: Path) -> None:
    folder = logs(tmp_path, [*FALLING, Run(name="Train", night=52, **FAILED)])
    codes = [
        check(folder, "--as-of", FIRST_NIGHT + timedelta(days=night)) for night in (30, 50, 52, 60)
    ]
    assert codes == [0, 1, 1, 1]
    assert check(logs(tmp_path, [*nights(40), Run(night=40, **FAILED)])) == 3
    assert check(tmp_path / f"perflogs{next(REMADE) - 1}", "--as-of", "2026-02-09") == 0


def test_the_age_of_the_newest_record_is_told_as_of_that_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, nights(30))
    check(folder)
    assert "2026-01-31 02:00 UTC\n" in capsys.readouterr().out
    check(folder, "--as-of", FIRST_NIGHT + timedelta(days=21))
    assert "2026-01-22 02:00 UTC\n" in capsys.readouterr().out
    check(folder, "--as-of", FIRST_NIGHT + timedelta(days=36))
    page = capsys.readouterr().out
    assert "2026-01-31 02:00 UTC, 6 day(s) ago" in page


def test_without_an_index_nothing_is_kept(tmp_path: Path) -> None:
    folder = logs(tmp_path, FALLING)
    before = sorted(folder.rglob("*"))
    assert check(folder, "--no-index") == 1
    assert sorted(folder.rglob("*")) == before
    assert check(folder) == 1
    assert (folder / ".index/judgements.json").is_file()


def test_what_belongs_to_a_single_log_is_kept_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logs(tmp_path, FALLING) / "pearl/gpu/Train.log"
    acknowledge(log, *names(log, capsys), "--reason", "known", "--expires", "2100-01-01")
    assert (log.parent / "acknowledged.json").is_file()
    assert check(log) == 0


def test_a_job_that_never_ran_is_no_failed_test(tmp_path: Path) -> None:
    queued = {**FAILED, "failure_class": "scheduler", "fail_reason": "scheduler: preempted"}
    runs = [*nights(30), Run(name="Other", night=29, **queued)]
    assert check(logs(tmp_path, runs)) == 4


def test_without_any_history_the_error_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(tmp_path / "nowhere") == 2
    assert "nowhere" in one_line_error(capsys)
    assert check(tmp_path / "no\nwhere") == 2
    assert "no where" in one_line_error(capsys)
    assert called("check") == 2
    assert "--history" in one_line_error(capsys)


def test_a_folder_without_a_record_is_unusable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert check(tmp_path / "empty") == 2
    one_line_error(capsys)


def test_a_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(logs(tmp_path, nights(10)), "--csv", "/nonexistent/findings.csv") == 2
    assert "/nonexistent" in one_line_error(capsys)


def test_a_traceback_is_shown_with_debug_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere"):
        check(tmp_path / "nowhere", "--debug")


@pytest.mark.parametrize("since", ["yesterday", "7", "d", "-7d", "1e3d", "2026-13-01"])
def test_a_time_that_is_none_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], since: str
) -> None:
    assert check(logs(tmp_path, nights(10)), f"--since={since}") == 2
    assert "see `python -m perflogs" in one_line_error(capsys)


def test_the_help_names_all_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["--help"], ["check", "nodes", "compare", "baseline", "ack", "import", "session"]),
        (["check", "--help"], ["Exit codes", "0 ", "1 ", "2 ", "3 ", "4 ", "--since", "--junit"]),
        (["ack", "--help"], ["Exit codes", "--reason", "--expires", "--withdraw"]),
    ):
        assert called(*arguments) == 0
        text = capsys.readouterr().out
        assert all(word in text for word in words)


def test_the_page_says_what_an_administrator_asks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def with_driver(run: Run) -> Run:
        driver = "550.1" if run.night < 40 else "560.2"
        return Run(**{**vars(run), "columns": {"driver_version": driver}})

    runs = [*map(with_driver, FALLING), *nights(20, name="Gone")]
    reason = "run: exit code 1: the [red] disk is full"
    runs.append(Run(name="Other", night=51, **{**FAILED, "fail_reason": reason}))
    folder = logs(tmp_path, runs)
    with (folder / "pearl/gpu/Train.log").open("a") as file:
        file.write("no such line\n")

    assert check(folder) == 1
    page = capsys.readouterr().out
    for words in (
        "Confirmed regressions",
        "Train @pearl:gpu [regression]",
        "throughput -10.",
        "(95 %: -",
        "over 99.9 % sure",
        "since the night of 2026-02-1",
        "the system, since driver 550.1 -> 560.2",
        "seen on n1, n2, n3, n4",
        "the [red] disk is full",
        "again: reframe -c checks --system=pearl:gpu -n /0123abcd -r",
        "stopped reporting",
        "no such line",
        "exit code 1: a regression is confirmed",
    ):
        assert words in page, page


def test_since_takes_a_date_days_or_weeks_before_the_newest_night(tmp_path: Path) -> None:
    folder = logs(tmp_path, FALLING)
    began = FIRST_NIGHT + timedelta(days=40)
    for since in (began - timedelta(days=2), "14d", "2w"):
        assert check(folder, "--since", since) == 1

    for since in (began + timedelta(days=5), "7d", "1w"):
        assert check(folder, "--since", since) == 0

    # However long ago that night was.
    MORNING[0] += timedelta(days=10)
    assert check(folder, "--since", "14d") == 1


@pytest.mark.parametrize("option", ["--since", "--as-of"])
@pytest.mark.parametrize("when", ["9999-12-31", "0001-01-01", "2026-13-01", "-"])
def test_a_day_that_cannot_be_is_refused(
    tmp_path: Path, option: str, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    assert check(folder, f"{option}={when}") == 2
    assert re.search("is expected|give a date|or a date", one_line_error(capsys))


def names(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The names of all findings that count."""
    check(folder, "--json", "-")
    document = json.loads(capsys.readouterr().out)
    return [each["finding"] for each in document["findings"] if not each["acknowledged_by"]]


def acknowledge(folder: Path, *arguments: str) -> int:
    """The exit code of `ack`."""
    return called("ack", "--history", folder, *arguments)


def test_a_regression_that_ended_with_its_series_is_said_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = [Run(name="Train", night=night, key={"seed": "2"}) for night in (52, 53, 54)]
    folder = logs(tmp_path, [*FALLING, *newer, *nights(55, name="Other")])
    assert check(folder) == 0
    page = capsys.readouterr().out
    expected = "1 regression(s) ended because another series has followed theirs: Train throughput"
    assert f"{expected} @pearl:gpu" in page
    assert "1 series judged, 1 with too few runs to be judged" in page


def test_what_is_acknowledged_stays_on_the_page_and_out_of_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    folder = logs(tmp_path, FALLING)
    [name] = names(folder, capsys)
    assert acknowledge(folder, name, "--reason", "the new fabric", "--expires", "30d") == 0
    assert check(folder) == 0
    page = capsys.readouterr().out
    until = datetime.now(UTC).astimezone().date() + timedelta(days=30)
    assert f"until {until}, by ada: the new fabric" in page
    assert "exit code 0: nothing new is wrong, 1 finding(s) acknowledged" in page
    [kept] = json.loads((folder / "acknowledged.json").read_text())["acknowledged"]
    assert (kept["finding"], kept["by"], kept["category"]) == (name, "ada", "regression")
    assert kept["start"].startswith("2026-02-")
    assert acknowledge(folder, "--list") == 0
    assert "the new fabric" in capsys.readouterr().out
    assert acknowledge(folder, "--withdraw", name) == 0
    assert check(folder) == 1


def test_an_acknowledgement_that_is_over_counts_no_longer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    [name] = names(folder, capsys)
    acknowledge(folder, name, "--reason", "known", "--expires", "30d")
    path = folder / "acknowledged.json"
    content = json.loads(path.read_text())
    content["acknowledged"][0]["expires"] = "2026-01-01"
    path.write_text(json.dumps(content))
    assert check(folder) == 1
    capsys.readouterr()
    acknowledge(folder, "--list")
    assert "(over)" in capsys.readouterr().out


def test_a_new_failure_is_not_covered_by_what_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    acknowledge(folder, *names(folder, capsys), "--reason", "known", "--expires", "30d")
    assert check(folder) == 0
    write_performance_logs(folder, [Run(name="Other", night=51, **FAILED)])
    assert check(folder) == 3


def test_the_name_of_an_incident_acknowledges_all_its_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [*FALLING, *(Run(**{**vars(run), "name": "Other"}) for run in FALLING)]
    folder = logs(tmp_path, both)
    check(folder, "--json", "-")
    [incident] = json.loads(capsys.readouterr().out)["incidents"]
    assert len(incident["findings"]) == 2
    acknowledge(folder, incident["incident"], "--reason", "known", "--expires", "30d")
    assert check(folder) == 0


def test_an_unknown_finding_is_told_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    [name] = names(folder, capsys)
    assert acknowledge(folder, "R-00000000", "--reason", "r", "--expires", "30d") == 2
    assert name in one_line_error(capsys)
    assert acknowledge(folder, "--withdraw", name) == 2
    assert "nothing is" in one_line_error(capsys)
    assert not (folder / "acknowledged.json").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["R-1"],
        ["R-1", "--reason", "r"],
        ["R-1", "--expires", "30d"],
        ["R-1", "--reason", " ", "--expires", "30d"],
        ["R-1", "--reason", "r", "--expires", "2026-01-01"],
    ],
)
def test_an_acknowledgement_needs_a_finding_a_reason_and_a_day_to_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert acknowledge(logs(tmp_path, nights(5)), *arguments) == 2
    one_line_error(capsys)


def test_nothing_is_acknowledged_until_a_day_that_is_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    [name] = names(folder, capsys)
    assert acknowledge(folder, name, "--reason", "r", "--expires", "2026-01-01") == 2
    assert "--expires 2026-01-01 is over" in one_line_error(capsys)
    assert not (folder / "acknowledged.json").exists()


def test_a_damaged_file_of_acknowledgements_stops_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, FALLING)
    (folder / "acknowledged.json").write_text("{")
    assert check(folder) == 2
    assert "acknowledged.json" in one_line_error(capsys)


def test_a_user_without_a_name_is_known_by_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    folder = logs(tmp_path, FALLING)
    acknowledge(folder, *names(folder, capsys), "--reason", "known", "--expires", "30d")
    [kept] = json.loads((folder / "acknowledged.json").read_text())["acknowledged"]
    assert kept["by"].startswith("user ")


@pytest.mark.parametrize("options", [[], ["--json", "-", "--csv"]])
def test_a_reader_that_closes_the_page_early_sees_no_traceback(
    tmp_path: Path, options: list[str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "perflogs", "check", "--history", logs(tmp_path, FALLING)]
    files = [tmp_path / "found.csv"] * bool(options)
    done = subprocess.run(
        [*command, *options, *files],
        cwd=Path(__file__).parents[2],
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
    # Files are written whoever reads.
    assert all("regression" in path.read_text() for path in files)


def test_since_a_night_after_the_newest_one_judges_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = logs(tmp_path, nights(40))
    newest = FIRST_NIGHT + timedelta(days=39)
    assert check(folder, "--since", newest) == 0
    capsys.readouterr()
    assert check(folder, "--since", newest + timedelta(days=1)) == 4
    assert "nothing has run since the night that was asked for" in capsys.readouterr().out
