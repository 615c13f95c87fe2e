"""Learns references from the history of one system: value and bounds from its best level."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.baselines.comparable_runs import Case, ComparableRuns, LeftOut, runs_to_fit
from perflogs.history import History
from perflogs.judging.judged import judge_all
from perflogs.series import Series, series_of
from perflogs.statistics.bounds import Bounds, CannotBound, bounds
from perflogs.statistics.judgement import Judgement, Segment
from perflogs.statistics.yardstick import yardstick


@dataclass(frozen=True)
class Wanted:
    """What to learn, and how. Empty `checks`, `metrics` and `partitions` stand for all.

    `rate` is how often a sound run may miss the bounds of one metric."""

    system: str
    campaign: str
    minimum_runs: int
    rate: float
    checks: Sequence[str] = ()
    metrics: Sequence[str] = ()
    partitions: Sequence[str] = ()


@dataclass(frozen=True)
class Lesson:
    """What the runs of one metric of a case teach: `runs` of them, from the night `first` to
    `last`, in segment number `segment` of `segments`, counted from 1."""

    case: Case
    metric: str
    better: str
    unit: str
    bounds: Bounds
    runs: int
    first: date
    last: date
    segment: int
    segments: int


def learn(history: History, wanted: Wanted) -> tuple[list[Lesson], list[LeftOut]]:
    """Learns from the sound runs of one campaign on one system, of the last two years.

    Only metrics with a direction that is better are learnt."""
    chosen = (pl.col("system") == wanted.system) & (pl.col("campaign") == wanted.campaign)
    for column, names in (("check", wanted.checks), ("partition", wanted.partitions)):
        if names:
            chosen &= pl.col(column).is_in(list(names))

    to_fit, left_out = runs_to_fit(history.runs.filter(chosen))
    runs_of = {int(number): runs for runs in to_fit for number in runs.numbers}
    history = replace(history, runs=history.runs.filter(pl.col("run").is_in(list(runs_of))))
    directed = [
        each
        for each in series_of(history)
        if each.better and (not wanted.metrics or each.metric in wanted.metrics)
    ]
    lessons = []
    for series, judgement in judge_all(directed):
        runs = runs_of[int(series.runs[-1])]
        try:
            lessons.append(_lesson(history, series, judgement, runs, wanted))
        except CannotBound as error:
            left_out.append(LeftOut(runs.case, series.metric, str(error)))

    return lessons, left_out


def _lesson(
    history: History, series: Series, judgement: Judgement, runs: ComparableRuns, wanted: Wanted
) -> Lesson:
    number, segment = best_accepted(series, judgement, wanted.minimum_runs)
    nights = series.nights[segment.start : segment.stop]
    first, last = series.runs[segment.start], series.runs[segment.stop - 1]
    # Of a night with many runs the series has some, and the scatter is that of all.
    numbers = runs.numbers[runs.numbers >= first]
    reported = _figures(history, series.metric, numbers)
    silent = numbers.size - reported.height
    if silent:
        # A reference would fail them: what is to be compared must be there.
        raise CannotBound(f"{silent} of the runs since {nights[0]} do not report it")

    values = reported.filter(pl.col("run") <= int(last))["value"].to_numpy()
    return Lesson(
        case=runs.case,
        metric=series.metric,
        better=series.better,
        unit=series.unit,
        bounds=bounds(values, series.better, wanted.rate),
        runs=values.size,
        first=nights[0].item(),
        last=nights[-1].item(),
        segment=number,
        segments=len(judgement.segments),
    )


def _figures(history: History, metric: str, numbers: NDArray[np.uint32]) -> pl.DataFrame:
    """What these runs report of a metric, in their order."""
    return (
        history.figures.lazy()
        .filter(
            pl.col("metric").cast(pl.String) == metric,
            pl.col("run").is_in(numbers.tolist()),
            pl.col("value").is_finite(),
        )
        .sort("run")
        .collect()
    )


def best_accepted(series: Series, judgement: Judgement, minimum_runs: int) -> tuple[int, Segment]:
    """The segment to learn from, and its number counted from 1.

    It is the last of those accepted segments that are as good as the best one, but for less than
    the smallest change that counts; an earlier one of them where the later have too few runs. Where
    no direction is better it is the last accepted one. Raises CannotBound."""
    accepted = [
        (number, each) for number, each in enumerate(judgement.segments, 1) if each.accepted
    ]
    if not accepted:
        raise CannotBound("no segment of its runs is accepted")

    best = accepted[-1:] if series.better == "equal" else _as_good_as_the_best(series, accepted)
    for number, segment in reversed(best):
        if segment.stop - segment.start >= minimum_runs:
            return number, segment

    most = max(each.stop - each.start for _, each in best)
    raise CannotBound(f"{most} runs of its best level, and {minimum_runs} are needed")


def _as_good_as_the_best(
    series: Series, accepted: list[tuple[int, Segment]]
) -> list[tuple[int, Segment]]:
    scale = yardstick(series.values, series.better, series.comparison)
    levels = scale.positions(np.array([each.level for _, each in accepted]))
    if series.better == "lower":
        levels = -levels

    return [
        each
        for each, level in zip(accepted, levels, strict=True)
        if level >= levels.max() - scale.smallest
    ]
