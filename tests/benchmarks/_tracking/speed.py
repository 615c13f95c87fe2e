"""How long the history takes to be read and judged, from nothing and after one more night.

The histories are performance logs as ReFrame writes them with this suite's settings, of cases of
fifteen metrics. Every reading is a process of its own, as a user starts it: its start counts."""

import datetime
import itertools
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from systems.settings import PERFLOG_COLUMNS
from tests.benchmarks._shared.memory import Held, held_by
from tests.benchmarks._shared.verdicts import Verdict, at_most

METRICS = tuple(f"stage_{number}_throughput" for number in range(15))
#: Milliseconds of CPU that one more night of a series may take.
MOST_ADDED = 15
#: Runs of a case that have sound figures differ by this much.
NOISE = 0.02
FIRST = datetime.datetime(2024, 1, 1, 2, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Size:
    """A history, and what reading and judging it may take at most: seconds, and bytes."""

    name: str
    series: int
    nights: int
    seconds: float
    memory: float


SIZES = (
    Size("200 series, 730 nights", 200, 730, 20, 2**30),
    Size("1,000 series, 1,000 nights", 1000, 1000, 60, 2 * 2**30),
)


@dataclass(frozen=True)
class Found:
    """What each size took: from nothing, after one more night of one case, and of all cases; and
    the bytes of its text."""

    took: dict[Size, tuple[Held, Held, Held, int]]

    def table(self) -> Table:
        """The figures, size by size."""
        table = Table(title="performance logs read and judged", title_justify="left")
        table.add_column("history")
        for column in ("text", "memory", "from nothing", "a case's night", "all cases' night"):
            table.add_column(column, justify="right")

        for size, (first, one, every, text) in self.took.items():
            table.add_row(
                size.name,
                f"{text / 1e6:,.0f} MB",
                f"{max(each.bytes for each in (first, one, every)) / 2**20:,.0f} MiB",
                *(f"{each.wall:.1f} s, {each.cpu:.1f} CPU s" for each in (first, one, every)),
            )

        return table

    def verdicts(self) -> list[Verdict]:
        """Whether they hold the bounds."""
        return [each for size, took in self.took.items() for each in _verdicts(size, *took[:3])]


def measure(scratch: Path) -> Found:
    """Write both histories below a folder, and read them. Raises CalledProcessError where a
    reading fails."""
    took = {}
    for size in SIZES:
        logs = scratch / str(size.series) / "perflogs"
        write(logs, size.series, range(size.nights))
        text = sum(path.stat().st_size for path in logs.rglob("*.log"))
        first = _check(logs, size.nights)
        write(logs, len(METRICS), range(size.nights, size.nights + 1))
        one = _check(logs, size.nights + 1)
        write(logs, size.series, range(size.nights + 1, size.nights + 2))
        took[size] = (first, one, _check(logs, size.nights + 2), text)

    return Found(took)


def write(folder: Path, series: int, nights: range) -> None:
    """Write, or append, the nights of a history of so many series of METRICS below a folder."""
    columns = [column.removeprefix("check_") for column in PERFLOG_COLUMNS]
    for number, case in enumerate(range(0, series, len(METRICS))):
        path = folder / "simulated" / "gpu" / f"Check{number}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        metrics = METRICS[: min(len(METRICS), series - case)]
        with path.open("a") as file:
            if file.tell() == 0:
                file.write("|".join(columns) + "\n")

            file.writelines(_lines(columns, number, metrics, nights))


def _lines(
    columns: list[str], number: int, metrics: tuple[str, ...], nights: range
) -> Iterator[str]:
    random = np.random.default_rng([number, nights.start])
    values = 1000 * (1 + NOISE * random.standard_normal((len(nights), len(metrics))))
    directions = " ".join(f"{name}=higher:relative" for name in metrics)
    same = {
        "result": "pass",
        "name": f"Check{number} %num_gpus=1 %cpu_nodes=0 %preset=nightly %storage=network",
        "hashcode": f"{number:08x}",
        "system": "simulated",
        "partition": "gpu",
        "environ": "builtin",
        "fail_phase": "null",
        "perf_unit": "images/s",
        "perf_ref": "0",
        "perf_lower_thres": "null",
        "perf_upper_thres": "null",
        "perf_result": "pass",
        "metric_directions": directions,
        "preset": "nightly",
        "precision": "float32",
        "device_name": "simulated accelerator",
        "dataset_digest": "sha256-sum:" + f"{number:064x}",
        "campaign": "nightly",
        "session_command": "reframe -c checks -r --session-extras campaign=nightly",
        "reference_case": json.dumps({"num_gpus": 1, "preset": "nightly", "storage": "network"}),
    }
    for night, row in zip(nights, values, strict=True):
        ended = (FIRST + datetime.timedelta(days=night)).isoformat()
        node = f"n{1 + (night * 7 + number) % 20:03}"
        run = {"job_completion_time": ended, "jobid": str(night * 1000 + number), "asctime": ended}
        line = {**same, **run, "job_nodelist": node, "nodes": node}
        for name, value in zip(metrics, row, strict=True):
            line["perf_var"], line["perf_value"] = name, repr(float(value))
            yield "|".join(map(line.get, columns, itertools.repeat(""))) + "\n"


def _check(logs: Path, nights: int) -> Held:
    command = [sys.executable, "-m", "perflogs", "check", "--history", str(logs)]
    # The morning on which the last night ended.
    command += ["--as-of", str(FIRST.date() + datetime.timedelta(days=nights - 1))]
    environment = {**os.environ, "TRIGPOINT_CACHE": str(logs.parent / "cache")}
    # A night of one case alone is one that all others have missed.
    codes = {0, 1, 4}
    return held_by([*command, "--json", str(logs.parent / "page.json")], environment, codes)


def _verdicts(size: Size, first: Held, one: Held, every: Held) -> list[Verdict]:
    peak = max(each.bytes for each in (first, one, every))
    added = 1000 * (every.cpu - one.cpu) / (size.series - len(METRICS))
    return [
        at_most(f"{size.name}: {{}} s", first.wall, size.seconds),
        at_most(f"{size.name}: {{}} MiB", peak / 2**20, size.memory / 2**20),
        at_most(f"{size.name}: a night adds {{}} CPU ms for each series", added, MOST_ADDED),
    ]
