"""Judges what a stage left behind. What cannot be judged fails, and the message names the cause.

A rule is a function from evidence and expectation to a complaint, or None. The first complaint is
the verdict, so the rules stand in the order of cause before effect."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from checks.base.records import Metric, Records, RecordsError, parse

DIRECTIONS = ("higher", "lower", "equal")
# The job script prints it after the stage, for schedulers that do not know exit codes (squeue).
EXIT_CODE_LINE = re.compile(r"^trigpoint: exit code (\d+)$", re.MULTILINE)
# What a scheduler writes to standard error when it ends a job, and what that means.
_SCHEDULER_PHRASES = (
    (re.compile(r"DUE TO TIME LIMIT|walltime .*exceeded", re.IGNORECASE), "the time limit was hit"),
    (re.compile(r"oom.?kill|out.of.memory", re.IGNORECASE), "the job ran out of memory"),
    (re.compile(r"node fail", re.IGNORECASE), "a node failed"),
    (re.compile(r"CANCELLED AT|DUE TO PREEMPTION"), "the job was cancelled"),
)


@dataclass(frozen=True)
class Evidence:
    """What a finished job left: `exit_code` is the scheduler's, None where it does not know."""

    exit_code: int | None
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Expectation:
    """What a case asked for. `asked` are provenance keys and the values they must have; `units`
    those that references demand; `floors` the least values of metrics."""

    stage: str
    metrics: tuple[str, ...]
    floors: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


def complaint(evidence: Evidence, expected: Expectation) -> str | None:
    """The first thing wrong, on one line, or None where everything can be judged and holds."""
    return next(_one_line(_complaints(evidence, expected)), None)


def one_line(text: str) -> str:
    """The text without line breaks and `|`, which performance logs do not quote."""
    return " ".join(text.replace("|", "/").split())


def cause(evidence: Evidence, records: Records | None) -> str:
    """Why a stage ended early: the scheduler's word, else the stage's last `error: ` line, else the
    reason in its closing record, else the last line of standard error; "" where nobody says."""
    for phrase, meaning in _SCHEDULER_PHRASES:
        found = phrase.search(evidence.stderr)
        if found:
            line = next(each for each in evidence.stderr.splitlines() if phrase.search(each))
            return f"{meaning} ({line.strip()})"

    lines = [line.strip() for line in evidence.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1].removeprefix("error: ")

    if records is not None and records.reason:
        return records.reason

    return lines[-1] if lines else ""


def _one_line(complaints: Iterator[str]) -> Iterator[str]:
    return (one_line(each) for each in complaints)


def _complaints(evidence: Evidence, expected: Expectation) -> Iterator[str]:
    try:
        records, unreadable = parse(evidence.stdout), ""
    except RecordsError as error:
        records, unreadable = Records(), f"the records cannot be read: {error}"

    for rule in _ENDING_RULES:
        yield from filter(None, [rule(evidence, records, unreadable)])

    if records.stage != expected.stage:
        yield f"the closing record is of stage {records.stage!r}, not of {expected.stage!r}"

    for name in expected.metrics:
        yield from _metric_complaints(name, records.metrics.get(name), expected)

    for key, value in expected.asked.items():
        if key not in records.provenance:
            yield f"no record says {key}: it should be {value!r}"
        elif records.provenance[key] != value:
            yield f"{key} is {records.provenance[key]!r}, asked for was {value!r}"

    for name, floor in expected.floors.items():
        if name not in records.metrics:
            yield f"the metric {name} is missing: its floor {floor} cannot be judged"
        elif records.metrics[name].value < floor:
            yield f"{name} is {records.metrics[name].value}, below its floor {floor}"


def _exit_code(evidence: Evidence, records: Records, _: str) -> str | None:
    printed = EXIT_CODE_LINE.findall(evidence.stdout)
    codes = [code for code in (evidence.exit_code, *map(int, printed)) if code is not None]
    why = cause(evidence, records)
    if not codes:
        return f"the job ended without an exit code: {why or 'nothing says why'}"

    failed = [code for code in codes if code != 0]
    if failed:
        return f"exit code {failed[0]}: {why or 'nothing says why'}"

    return None


def _unreadable(_evidence: Evidence, _records: Records, unreadable: str) -> str | None:
    return unreadable or None


def _not_finite(_evidence: Evidence, records: Records, _: str) -> str | None:
    if records.not_finite:
        return f"not a finite number: {', '.join(records.not_finite)}"

    return None


def _closing_record(evidence: Evidence, records: Records, _: str) -> str | None:
    if records.status is None:
        return f"the closing record is missing: {cause(evidence, records) or 'nothing says why'}"

    if records.status != "success":
        return f"the run ended with status {records.status}: {cause(evidence, records)}"

    return None


_Rule = Callable[[Evidence, Records, str], str | None]
_ENDING_RULES: tuple[_Rule, ...] = (_exit_code, _unreadable, _not_finite, _closing_record)


def _metric_complaints(name: str, metric: Metric | None, expected: Expectation) -> Iterator[str]:
    if metric is None:
        yield f"the metric {name} is missing from the records"
        return

    if not math.isfinite(metric.value):
        yield f"{name} is {metric.value}: not a finite number"

    if not metric.unit:
        yield f"{name} has no unit"

    if metric.better not in DIRECTIONS:
        yield f"{name} does not say which direction is better: {metric.better!r}"

    if name in expected.units and metric.unit != expected.units[name]:
        yield f"{name} is in {metric.unit}, its reference in {expected.units[name]}"
