"""Reads the records of a workload (mlperf-logging lines on standard output) into figures."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

#: Of every line that is a record.
MARK = ":::MLLOG"
# A launcher may put a rank in front of a line, and a progress bar may share it.
_LINE = re.compile(rf"{MARK}\s+(.*)$")


class RecordsError(ValueError):
    """A record that cannot be read."""


@dataclass(frozen=True)
class Metric:
    """One figure: `better` is "higher", "lower" or "equal"; `comparison`, which says what a change
    of it is, "relative" or "absolute"."""

    value: float
    unit: str
    better: str
    comparison: str


@dataclass
class Records:
    """All that one stage reported. `status` is None where the closing record is missing."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    not_finite: list[str] = field(default_factory=list)
    stage: str = ""
    status: str | None = None
    reason: str = ""

    def directions(self) -> str:
        """For example "loss_step100=equal:absolute throughput=higher:relative": one word for each
        metric."""
        return " ".join(
            f"{name}={metric.better}:{metric.comparison}"
            for name, metric in sorted(self.metrics.items())
        )


def parse(text: str) -> Records:
    """Reads the records in a stage's standard output.

    Raises RecordsError, naming the line, for a record that is not JSON, lacks a field, or reports
    a metric twice with two values."""
    records = Records()
    for number, record in _records(text):
        try:
            _take(records, record["key"], record["value"], record["metadata"])
        except (KeyError, TypeError) as error:
            raise RecordsError(f"line {number}: a record without {error}") from None
        except RecordsError as error:
            raise RecordsError(f"line {number}: {error}") from None

    return records


def _records(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.search(line)
        if not found:
            continue

        try:
            yield number, json.loads(found.group(1))
        except json.JSONDecodeError as error:
            raise RecordsError(f"line {number}: a record cut short or garbled ({error})") from None


def _take(records: Records, key: str, value: Any, metadata: dict[str, Any]) -> None:
    kind = metadata.get("kind")
    if key == "run_stop":
        # Once failed, always failed: a later stage's success does not mend an earlier failure.
        if records.status in (None, "success"):
            records.status = str(metadata["status"])
            records.reason = str(metadata.get("reason", ""))
            records.stage = str(metadata.get("stage", ""))
    elif key == "not_finite":
        records.not_finite.append(str(value))
    elif kind == "metric":
        words = (str(metadata[name]) for name in ("unit", "better", "comparison"))
        metric = Metric(_number(key, value), *words)
        if records.metrics.setdefault(key, metric) != metric:
            raise RecordsError(f"{key} is reported twice: {records.metrics[key].value} and {value}")
    elif kind == "provenance":
        records.provenance[key] = value


def _number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RecordsError(f"{key} is not a number: {value!r}")

    return value
