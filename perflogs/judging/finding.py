"""What a finding is: one thing that an administrator is told, with the evidence for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from perflogs.series import identity

# What is said.
REGRESSION, SUSPECT, IMPROVEMENT, CHANGE = "regression", "suspect", "improvement", "change"
FAILURE, NOT_RUN = "failure", "not run"
#: The letter that the name of a finding begins with, by what it says.
LETTERS: Mapping[str, str] = MappingProxyType(
    {
        REGRESSION: "R",
        SUSPECT: "S",
        IMPROVEMENT: "I",
        CHANGE: "C",
        FAILURE: "F",
        NOT_RUN: "Q",
    }
)

# Whose it is. Findings that are nobody's fault (improvements, changes without a direction) have
# no class: an empty text.
HARDWARE, NOT_SCHEDULED, SUITE_ERROR = "hardware", "not scheduled", "suite error"
CLASSES = (REGRESSION, HARDWARE, FAILURE, NOT_SCHEDULED, SUITE_ERROR)


@dataclass(frozen=True)
class Measured:
    """By how much a metric changed.

    `before` and `after` are levels in `unit`; `difference`, `low` and `high` are fractions of
    `before` where `comparison` is relative, else in `unit`. `confidence` that there is a change is
    between 0 and 1. What is not known is None: a single run that is far off has no interval, but a
    `score` in robust standard deviations."""

    metric: str
    unit: str
    better: str
    comparison: str
    before: float
    after: float
    difference: float
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    score: float | None = None


@dataclass(frozen=True)
class Acknowledgement:
    """That somebody knows of a finding, and until when it does not count.

    `start` is the night since which the finding stood, `level` the worst difference that its
    interval allowed then, `category` its class, and `about` a digest of why it failed (empty for
    what is no failure)."""

    finding: str
    reason: str
    by: str
    when: datetime
    expires: date
    start: date | None
    level: float | None
    category: str
    about: str = ""


@dataclass(frozen=True)
class Finding:
    """One thing found, of one metric, one case, or a whole partition (`name` is empty then).

    `identity` is the same night after night, as long as it stands. `since` is the night on which it
    began. `node` explains it alone; `nodes` are all that it was seen on. `causes` are what changed
    between the last run before and the first one after. `again` is the command that runs the case
    again. `recovered` is a failure that passed when it was run again: shown, and of no weight.
    `silent_since` is the night since which a failed case has not reported any more, although it
    should have. `series` is the identity of the series that it was found in, if it was in one."""

    identity: str
    state: str
    category: str
    system: str
    partition: str
    environ: str = ""
    name: str = ""
    since: date | None = None
    nodes: tuple[str, ...] = ()
    node: str = ""
    causes: tuple[str, ...] = ()
    reason: str = ""
    measured: Measured | None = None
    again: str = ""
    recovered: bool = False
    silent_since: date | None = None
    series: str = ""
    acknowledged: Acknowledgement | None = None

    @property
    def place(self) -> str:
        """System and partition, as `pearl:gpu`."""
        return f"{self.system}:{self.partition}"

    @property
    def attribution(self) -> str:
        """Who it is put down to: a node, the system and what changed on it, or either, where the
        node was drawn as something changed and no other since."""
        if self.node:
            node = f"{'nodes' if ',' in self.node else 'node'} {self.node}"
            undecided = self.category == REGRESSION and self.causes
            return f"{node} or {', '.join(self.causes)}" if undecided else node

        return f"the system, since {', '.join(self.causes)}" if self.causes else "the system"

    def as_record(self) -> dict[str, Any]:
        """The finding as plain texts and numbers; its class stands under `class`."""
        measured = self.measured or Measured("", "", "", "", *[float("nan")] * 3)
        known = self.measured is not None
        return {
            "finding": self.identity,
            "state": self.state,
            "class": self.category,
            "system": self.system,
            "partition": self.partition,
            "environ": self.environ,
            "name": self.name,
            "metric": measured.metric,
            "unit": measured.unit,
            "better": measured.better,
            "comparison": measured.comparison,
            "before": measured.before if known else None,
            "after": measured.after if known else None,
            "difference": measured.difference if known else None,
            "low": measured.low,
            "high": measured.high,
            "confidence": measured.confidence,
            "score": measured.score,
            "since": _day(self.since),
            "node": self.node,
            "nodes": ",".join(self.nodes),
            "causes": "; ".join(self.causes),
            "reason": self.reason,
            "recovered": self.recovered,
            "silent_since": _day(self.silent_since),
            "series": self.series,
            "again": self.again,
            "acknowledged_by": self.acknowledged.by if self.acknowledged else "",
            "acknowledged_until": _day(self.acknowledged.expires if self.acknowledged else None),
            "acknowledged_because": self.acknowledged.reason if self.acknowledged else "",
        }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def finding_name(state: str, *parts: str) -> str:
    """The name of a finding, as `R-1a2b3c4d`: always the same for the same state and parts."""
    return f"{LETTERS[state]}-{identity(state, *parts)[:8]}"
