"""Judges what a stage left behind. What cannot be judged fails, and the message names the cause.

The first complaint is the verdict, so they come in the order of cause before effect."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from checks.base import hardware
from checks.base.ending import find_ending, find_killed_rank
from checks.base.evidence import Evidence
from checks.base.records import Metric, Records, RecordsError, parse

DIRECTIONS = ("higher", "lower", "equal")
COMPARISONS = ("relative", "absolute")
# The job script prints it after the stage, for schedulers that do not know exit codes (squeue).
EXIT_CODE_LINE = re.compile(r"^trigpoint: exit code (\d+)$", re.MULTILINE)
# A launcher may put a rank in front of a line.
_ERROR_LINE = re.compile(r"^(\d+: *)?error: ")
_RANK_EXIT = re.compile(r"^srun: error: .*: Exited with exit code (\d+)$", re.MULTILINE)
# What a rank says when something has happened to another one, or to the job.
_FOLLOWS = re.compile(r"was lost in mid-run|ended by SIGTERM")
# Of a job that came to its own end, in the words of Slurm, PBS and ReFrame's local scheduler.
_ORDINARY_STATES = {"COMPLETED", "FAILED", "SUCCESS", "FAILURE"}
UNUSABLE_INPUT = 2
# Whose failure it is. The scheduler's, a defective device's, the user's input, the run's own, or
# none of theirs: something ran to its end that cannot be judged, or is not good enough.
SCHEDULER, HARDWARE, INPUT, RUN, JUDGEMENT = "scheduler", "hardware", "input", "run", "judgement"
# The job never started; a figure is out of its reference's bounds; an error of the suite itself.
NOT_SCHEDULED, REFERENCE, SUITE = "not scheduled", "reference", "suite"


@dataclass(frozen=True)
class Expectation:
    """What a case asked for. `asked` are provenance keys and the values they must have; `units`
    those that references demand; `floors` and `ceilings` the least and the greatest values of
    metrics."""

    stage: str
    metrics: tuple[str, ...]
    floors: Mapping[str, float] = field(default_factory=dict)
    ceilings: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)


class Complaint(NamedTuple):
    """One thing wrong, on one line, and whose failure it is."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def complaint(evidence: Evidence, expected: Expectation) -> Complaint | None:
    """The first thing wrong, or None where everything can be judged and holds."""
    for kind, text in _complaints(evidence, expected):
        return Complaint(kind, one_line(text))

    return None


def one_line(text: str) -> str:
    """The text without line breaks and `|`, which performance logs do not quote."""
    return " ".join(text.replace("|", "/").split())


def cause(evidence: Evidence, records: Records | None) -> str:
    """Why a stage ended early: the scheduler's word, else the stage's first `error: ` line, else
    the launcher's about a rank that was killed, else what the other ranks say of it, else the
    reason in the closing record, else the last line of standard error; "" where nobody says."""
    ending = find_ending(evidence)
    if ending:
        return str(ending)

    lines = [line.strip() for line in evidence.stderr.splitlines() if line.strip()]
    errors = [_ERROR_LINE.sub("", line) for line in lines if _ERROR_LINE.match(line)]
    own = [error for error in errors if not _FOLLOWS.search(error)]
    if own:
        return own[0]

    killed = find_killed_rank(evidence)
    if killed:
        return str(killed)

    if errors:
        return errors[0]

    if records is not None and records.reason:
        return records.reason

    return lines[-1] if lines else ""


def _complaints(evidence: Evidence, expected: Expectation) -> Iterator[tuple[str, str]]:
    try:
        records, unreadable = parse(evidence.stdout), ""
    except RecordsError as error:
        records, unreadable = Records(), f"the records cannot be read: {error}"

    if not evidence.started:
        why = cause(evidence, None) or "nothing says why"
        yield NOT_SCHEDULED, f"the job never started: {why}"

    for finding in hardware.complaints(records.provenance):
        yield HARDWARE, finding

    for finding in hardware.complaints_in(evidence.stderr):
        yield HARDWARE, finding

    yield from _ending_complaints(evidence, records)
    if unreadable:
        yield RUN, unreadable

    yield from _closing_complaints(evidence, records)
    for text in _result_complaints(records, expected):
        yield JUDGEMENT, text


def _ending_complaints(evidence: Evidence, records: Records) -> Iterator[tuple[str, str]]:
    """What is wrong with how the job ended, before anything that it reported."""
    why = cause(evidence, records) or "nothing says why"
    ending = find_ending(evidence)
    printed = EXIT_CODE_LINE.findall(evidence.stdout)
    codes = [code for code in (evidence.exit_code, *map(int, printed)) if code is not None]
    failed = [code for code in codes if code != 0]
    if failed:
        # Of several ranks the first to fail has the word, whatever became of the others.
        ranks = [int(code) for code in _RANK_EXIT.findall(evidence.stderr)]
        unusable = UNUSABLE_INPUT in (failed[0], *ranks[:1])
        kind = SCHEDULER if ending else INPUT if unusable else RUN
        yield kind, f"exit code {failed[0]}: {why}"

    if evidence.state and evidence.state not in _ORDINARY_STATES:
        yield SCHEDULER, f"the job ended as {evidence.state}: {why}"

    if not codes:
        yield SCHEDULER, f"the job ended without an exit code: {why}"

    # Also of a job that says that all went well: something of it was killed.
    for found in filter(None, [ending, find_killed_rank(evidence)]):
        yield SCHEDULER, str(found)


def _closing_complaints(evidence: Evidence, records: Records) -> Iterator[tuple[str, str]]:
    """What is wrong with how the stage says that it ended."""
    why = cause(evidence, records) or "nothing says why"
    if records.not_finite:
        yield RUN, f"not a finite number: {', '.join(records.not_finite)}"

    if records.status is None:
        kind = SCHEDULER if find_ending(evidence) else RUN
        yield kind, f"the closing record is missing: {why}"
    elif records.status != "success":
        yield RUN, f"the run ended with status {records.status}: {why}"


def _result_complaints(records: Records, expected: Expectation) -> Iterator[str]:
    if records.stage != expected.stage:
        yield f"the closing record is of stage {records.stage!r}, not of {expected.stage!r}"

    # What is reported beyond what has to be is logged as well.
    for name in dict.fromkeys([*expected.metrics, *records.metrics]):
        yield from _metric_complaints(name, records.metrics.get(name), expected)

    for key, value in expected.asked.items():
        if key not in records.provenance:
            yield f"no record says {key}: it should be {value!r}"
        elif records.provenance[key] != value:
            yield f"{key} is {records.provenance[key]!r}, asked for was {value!r}"

    for name, ceiling in expected.ceilings.items():
        if name not in records.metrics:
            yield f"the metric {name} is missing: its ceiling {ceiling} cannot be judged"
        elif records.metrics[name].value > ceiling:
            yield f"{name} is {records.metrics[name].value}, above its ceiling {ceiling}"

    for name, floor in expected.floors.items():
        if name not in records.metrics:
            yield f"the metric {name} is missing: its floor {floor} cannot be judged"
        elif records.metrics[name].value < floor:
            yield f"{name} is {records.metrics[name].value}, below its floor {floor}"


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

    if metric.comparison not in COMPARISONS:
        yield f"{name} does not say how it is compared: {metric.comparison!r}"

    if name in expected.units and metric.unit != expected.units[name]:
        yield f"{name} is in {metric.unit}, its reference in {expected.units[name]}"
