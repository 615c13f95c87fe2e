"""What is said of one series: its segments, and what changed between them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """Runs `start` to `stop` (not included) of a series, in which nothing changed.

    `level` is in the unit of the metric; `scatter` is the robust standard deviation of single runs,
    as a fraction of the level where the metric is compared relatively, else in its unit. `accepted`
    is false for a segment that is itself a regression."""

    start: int
    stop: int
    level: float
    scatter: float
    accepted: bool


@dataclass(frozen=True)
class Change:
    """A confirmed change, with three runs or more behind it.

    `start` is the first run of the new level. `difference` is after minus before, as a fraction of
    before where the metric is compared relatively, else in its unit; `low` and `high` bound it with
    95 % confidence. `confidence` that there is a change at all is between 0 and 1. `node` is the
    one that explains it; empty where it is the system, or nothing is known of nodes."""

    start: int
    before: Segment
    after: Segment
    difference: float
    low: float
    high: float
    confidence: float
    node: str


@dataclass(frozen=True)
class Suspect:
    """Last runs, from `start` to `run`, that are far from those before, in the worse direction.

    `usual` is the level before and `level` theirs, in the unit of the metric; `score` is their
    distance in standard errors, `difference` and `node` are as in `Change`."""

    start: int
    run: int
    usual: float
    level: float
    difference: float
    score: float
    node: str


@dataclass(frozen=True)
class Judgement:
    """All that is said of a series.

    `regression` compares the current segment with the best accepted one: it stands until the level
    is back. `improvement` is the last change, where it was one for the better. Where no direction
    is better (`better` is empty, or "equal") a confirmed change is in `change` instead. `slow` are
    the nodes that are worse than the others around them whenever they are drawn, which is taken out
    of all the rest: from the first such run of the node to its last one."""

    segments: tuple[Segment, ...]
    regression: Change | None = None
    improvement: Change | None = None
    change: Change | None = None
    suspect: Suspect | None = None
    slow: tuple[Change, ...] = ()

    @property
    def current(self) -> Segment | None:
        """The segment of the last run; None for an empty series."""
        return self.segments[-1] if self.segments else None
