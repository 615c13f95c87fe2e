"""Records as ReFrame 4.10.4 writes them, made by hand: lines of its performance logs, and sessions
of its run reports and of its results database."""

import json
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 3, 1, 1, tzinfo=UTC)
#: The columns without which no line is read, and those of a figure.
COLUMNS = (
    *("result", "job_completion_time", "name", "system", "partition", "environ", "jobid"),
    *("job_nodelist", "fail_phase", "perf_var", "perf_value", "perf_unit", "asctime"),
)
DEFAULT_COLUMNS = (
    *("result", "job_completion_time", "environ", "job_completion_time_unix", "job_nodelist"),
    *("jobid", "name", "partition"),
    *("speed_value", "speed_unit", "speed_ref", "speed_lower_thres", "speed_upper_thres"),
    "system",
)


def at(second: float = 0.0, night: int = 0) -> datetime:
    """So many seconds after one o'clock in a night."""
    return START + timedelta(days=night, seconds=second)


def text_of(time: datetime) -> str:
    """As ReFrame writes a time."""
    text = time.strftime("%FT%T%z")
    return f"{text[:-2]}:{text[-2:]}"


def line(time: datetime = START, columns: tuple[str, ...] = COLUMNS, **fields: object) -> str:
    """A line of the multi-line format; the job ended at `time`."""
    usual = {
        "result": "pass",
        "job_completion_time": text_of(time),
        "name": "Train",
        "system": "pearl",
        "partition": "gpu",
        "environ": "builtin",
        "jobid": "7",
        "job_nodelist": "n1",
        "fail_phase": "null",
        "perf_var": "speed",
        "perf_value": "1.5",
        "perf_unit": "GB/s",
        "asctime": text_of(time),
    }
    written = {**usual, **fields}
    return "|".join(str(written.get(column, "null")) for column in columns) + "\n"


def default_line(time: datetime = START, **fields: object) -> str:
    """A line of ReFrame's default format, which has the clock of the site without its offset."""
    written = {
        "result": "pass",
        "job_completion_time": time.strftime("%FT%T"),
        "environ": "builtin",
        "job_completion_time_unix": repr(time.timestamp() + 0.25),
        "job_nodelist": "n1",
        "jobid": "7",
        "name": "Train",
        "partition": "gpu",
        "speed_value": "1.5",
        "speed_unit": "GB/s",
        "speed_ref": "0",
        "speed_lower_thres": "None",
        "speed_upper_thres": "None",
        "system": "pearl",
    }
    return "|".join(str({**written, **fields}[column]) for column in DEFAULT_COLUMNS) + "\n"


def write_log(path: Path, *lines: str, columns: tuple[str, ...] = COLUMNS) -> Path:
    """A performance log with these lines below its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("|".join(columns) + "\n" + "".join(lines))
    return path


def case(time: datetime | None = START, **fields: object) -> dict[str, Any]:
    """A case of a run report; without a time it had no job."""
    ended = time and {
        "jobid": "7",
        "job_nodelist": ["n1"],
        "job_completion_time": text_of(time),
        "job_completion_time_unix": time.timestamp() + 0.25,
    }
    return {
        "name": "Train",
        "display_name": "Train",
        "system": "pearl",
        "partition": "gpu",
        "environ": "builtin",
        "result": "pass",
        "fail_phase": None,
        "fail_reason": None,
        "hashcode": "0123abcd",
        "jobid": None,
        "job_nodelist": [],
        "job_completion_time": None,
        "job_completion_time_unix": None,
        "perfvalues": {"pearl:gpu:speed": [1.5, 0, None, None, "GB/s", "pass"]},
        **(ended or {}),
        **fields,
    }


def report(
    *runs: list[dict[str, Any]], uuid: str = "a", night: int = 0, **info: object
) -> dict[str, Any]:
    """A session of an hour, with these runs."""
    begun = at(0, night)
    return {
        "session_info": {
            "data_version": "4.2",
            "uuid": uuid,
            "time_start": begun.strftime("%Y%m%dT%H%M%S%z"),
            "time_start_unix": begun.timestamp(),
            "time_end_unix": begun.timestamp() + 3600,
            "cmdline": "reframe -c checks -r",
            "workdir": "/suite",
            "config_files": ["<builtin>"],
            **info,
        },
        "runs": [{"testcases": cases} for cases in runs],
        "restored_cases": [],
    }


def write_report(path: Path, content: Mapping[str, Any]) -> Path:
    """A run report."""
    path.write_text(json.dumps(content, indent=2) + "\n")
    return path


def write_database(path: Path, *reports: Mapping[str, Any] | str | bytes) -> Path:
    """A results database; a text stands for the whole of a session's JSON."""
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS sessions(uuid TEXT PRIMARY KEY, session_start_unix REAL, "
            "session_end_unix REAL, json_blob TEXT, report_file TEXT)"
        )
        for number, each in enumerate(reports):
            is_whole = isinstance(each, Mapping)
            uuid = each["session_info"]["uuid"] if is_whole else f"broken{number}"
            blob = json.dumps(each) if is_whole else each
            connection.execute(
                "INSERT INTO sessions VALUES (?, 0, 0, ?, NULL)",
                (uuid, blob),
            )

    connection.close()
    return path
