"""Histories whose truth is known: as the reader makes them, and as the files that it reads."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from perflogs.history import EVENTS, FIGURES, KEYS, RUNS, History
from systems.settings import PERFLOG_COLUMNS

FIRST_NIGHT = date(2026, 1, 1)
#: Unit, better and comparison of the metrics that simulated runs have.
METRICS = {
    "throughput": ("images/s", "higher", "relative"),
    "imgs_per_s": ("scenes/s", "higher", "relative"),
    "epoch_seconds": ("s", "lower", "relative"),
    "total_seconds": ("s", "lower", "relative"),
    "test_accuracy": ("1", "higher", "absolute"),
    "loss_step100": ("1", "equal", "absolute"),
    "sst_bias_network": ("K", "lower", "absolute"),
}


@dataclass(frozen=True)
class Run:
    """One run, at two o'clock in a night: `night` counts from FIRST_NIGHT. `key` are KEYS that
    differ from those of all other runs, `case` what references are keyed by, `columns` any other
    column of the history."""

    name: str = "SkylineTrain %num_gpus=1 %preset=nightly"
    night: int = 0
    figures: Mapping[str, float] = field(default_factory=lambda: {"throughput": 1000.0})
    nodes: str = "n1"
    result: str = "pass"
    fail_phase: str = ""
    fail_reason: str = ""
    failure_class: str = ""
    campaign: str = "nightly"
    system: str = "pearl"
    partition: str = "gpu"
    hour: float = 2.0
    key: Mapping[str, object] = field(default_factory=dict)
    case: Mapping[str, object] = field(default_factory=lambda: {"preset": "nightly", "num_gpus": 1})
    columns: Mapping[str, object] = field(default_factory=dict)

    @property
    def time(self) -> datetime:
        """When the job ended; the night begins at noon of the day before."""
        midnight = datetime.combine(FIRST_NIGHT + timedelta(days=self.night + 1), time(), UTC)
        return midnight + timedelta(hours=self.hour)


def series(values: Iterable[float], metric: str = "throughput", **fields: object) -> list[Run]:
    """A run a night, with these values of one metric."""
    return [
        Run(night=night, figures={metric: value}, **fields)  # type: ignore[arg-type]
        for night, value in enumerate(values)
    ]


def morning_after(runs: Iterable[Run]) -> date:
    """The day on which the last of their nights ends; FIRST_NIGHT where there is none."""
    return FIRST_NIGHT + timedelta(days=max((run.night + 1 for run in runs), default=0))


def history(runs: Iterable[Run]) -> History:
    """The history of these runs, as the reader makes it."""
    ordered = sorted(runs, key=lambda run: run.time)
    figures = [
        _figure(number, name, value)
        for number, run in enumerate(ordered)
        for name, value in run.figures.items()
    ]
    rows = [_row(number, run) for number, run in enumerate(ordered)]
    return History(
        pl.DataFrame(rows, schema=RUNS, orient="row"),
        pl.DataFrame(figures, schema=FIGURES, orient="row"),
        [],
        [],
        [],
    )


def write_performance_logs(folder: Path, runs: Iterable[Run]) -> None:
    """Writes `folder`/SYSTEM/PARTITION/CHECK.log as ReFrame does with this suite's settings."""
    jobs = itertools.count(1000)
    columns = [column.removeprefix("check_") for column in PERFLOG_COLUMNS]
    for run in sorted(runs, key=lambda run: run.time):
        path = folder / run.system / run.partition / f"{_check(run)}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        job = next(jobs)
        with path.open("a") as file:
            if file.tell() == 0:
                file.write("|".join(columns) + "\n")

            for name, value in (run.figures or {"": None}).items():
                written = _line(run, job, name, value)
                file.write("|".join(written.get(column, "") for column in columns) + "\n")


def _check(run: Run) -> str:
    return run.name.split(" %")[0]


def _key(run: Run) -> dict[str, object]:
    return {"preset": "nightly", "precision": "float32", "seed": "1", **run.key}


def _row(number: int, run: Run) -> list[object]:
    known = {
        "run": number,
        "time": run.time,
        "night": FIRST_NIGHT + timedelta(days=run.night),
        "campaign": run.campaign,
        "session": f"session-{run.night}",
        "system": run.system,
        "partition": run.partition,
        "environ": "builtin",
        "name": run.name,
        "check": _check(run),
        "fixture": False,
        "hashcode": "0123abcd",
        "jobid": str(1000 + number),
        "nodes": run.nodes,
        "partition_nodes": None,
        "result": run.result,
        "fail_phase": run.fail_phase,
        "fail_reason": run.fail_reason,
        "failure_class": run.failure_class,
        "case": json.dumps(run.case, sort_keys=True),
        "key": json.dumps({**run.case, **_key(run)}, sort_keys=True),
        **run.columns,
    }
    return [known.get(name, "") for name in RUNS]


def _figure(number: int, name: str, value: float) -> list[object]:
    return [number, name, value, *METRICS[name], None, None, None]


def _line(run: Run, job: int, name: str, value: float | None) -> dict[str, str]:
    declared = {each: METRICS[each] for each in run.figures}
    directions = " ".join(f"{each}={better}:{how}" for each, (_, better, how) in declared.items())
    ended = run.time.strftime("%Y-%m-%dT%H:%M:%S+00:00")
    return {
        "result": run.result,
        "job_completion_time": ended,
        "name": run.name,
        "hashcode": "0123abcd",
        "system": run.system,
        "partition": run.partition,
        "environ": "builtin",
        "jobid": str(job),
        "job_nodelist": run.nodes,
        "fail_phase": run.fail_phase or "null",
        "failure_class": run.failure_class,
        "failure_reason": run.fail_reason,
        "perf_var": name or "null",
        "perf_value": "null" if value is None else repr(value),
        "perf_unit": METRICS[name][0] if name else "null",
        "perf_ref": "0",
        "perf_lower_thres": "null",
        "perf_upper_thres": "null",
        "perf_result": "pass",
        "metric_directions": directions,
        "nodes": run.nodes,
        "campaign": run.campaign,
        "reference_case": json.dumps(run.case, sort_keys=True),
        "asctime": ended,
        **{key: str(value) for key, value in _key(run).items() if key in KEYS},
        **{name: str(value) for name, value in run.columns.items() if name in EVENTS},
        "session_command": str(run.columns.get("command", "")),
        "partition_num_nodes": str(run.columns.get("partition_nodes", "null")),
    }
