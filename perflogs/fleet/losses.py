"""What one part of a history has lost of another: cases that fail, and metrics that are no longer
reported. No figure tells of them."""

import json
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl
from scipy.stats import fisher_exact

from perflogs.fleet.cases import case_columns, place_and_name
from perflogs.fleet.observations import FAILED
from perflogs.history import SOUND, History
from perflogs.judging.failure_classes import failure_class
from perflogs.judging.finding import NOT_SCHEDULED
from perflogs.statistics.comparison import CONFIDENCE


@dataclass(frozen=True)
class Loss:
    """A case that fails in B (`metric` is empty), or a metric of it that B does not report."""

    case: tuple[str, ...]
    place: str
    name: str
    metric: str
    runs_a: int
    runs_b: int
    reason: str


def failing_cases(a: pl.DataFrame, b: pl.DataFrame, compared: Collection[str]) -> list[Loss]:
    """The cases that passed in most runs of A, and fail in all of B or clearly more often (by
    Fisher's exact test). What the scheduler did not run has not failed."""
    columns = case_columns(compared)
    ours, theirs = (_outcomes(runs, columns) for runs in (a, b))
    found = []
    for case in sorted(ours.keys() & theirs.keys()):
        (sound_a, failed_a), (sound_b, failed_b) = ours[case], theirs[case]
        table = [[failed_b, sound_b], [failed_a, sound_a]]
        rare = (1 - CONFIDENCE) / 2
        clearly = failed_b and fisher_exact(table, alternative="greater").pvalue <= rare
        if clearly or (failed_b and not sound_b and sound_a > failed_a):
            runs_a, runs_b = sound_a + failed_a, sound_b + failed_b
            reason = f"failed in B: {failed_b} of {runs_b} runs (in A: {failed_a} of {runs_a})"
            place = place_and_name(columns, case)
            found.append(Loss(case, *place, "", runs_a, runs_b, reason))

    return found


def metrics_gone(
    history: History,
    a: pl.DataFrame,
    b: pl.DataFrame,
    compared: Collection[str],
    apart: Collection[str],
    metrics: Collection[str],
) -> list[Loss]:
    """The metrics (of `metrics`, of all if none is named) that half or more of A's sound runs of a
    case have, and none of B's. Runs are of the same case whose keys agree in all but those that are
    compared and those in `apart`."""
    columns = case_columns(compared)
    ours, theirs = (
        _reported(history, runs, columns, {*compared, *apart}, metrics) for runs in (a, b)
    )
    found = []
    for group in sorted(ours.keys() & theirs.keys()):
        (runs_a, of_a), (runs_b, of_b) = ours[group], theirs[group]
        for metric in sorted(of_a.keys() - of_b.keys()):
            if of_a[metric] * 2 >= runs_a:
                reason = (
                    f"no longer reported: by none of {runs_b} sound runs in B "
                    f"(by {of_a[metric]} of {runs_a} in A)"
                )
                case = group[:-1]
                place = place_and_name(columns, case)
                found.append(Loss(case, *place, metric, runs_a, runs_b, reason))

    return found


def _outcomes(runs: pl.DataFrame, columns: list[str]) -> dict[tuple[str, ...], tuple[int, int]]:
    """How many runs of each case were sound, and how many failed."""
    sound = runs.filter(SOUND).select(*columns, failed=pl.lit(False))
    failed = runs.filter(FAILED)
    why = failed.select("failure_class", "fail_phase", "fail_reason").iter_rows()
    made = pl.Series([failure_class(*row) != NOT_SCHEDULED for row in why], dtype=pl.Boolean)
    failed = failed.filter(made).select(*columns, failed=pl.lit(True))
    counted = (
        pl.concat([sound, failed])
        .group_by(pl.lit(0), *columns)
        .agg(sound=(~pl.col("failed")).sum(), of_failed=pl.col("failed").sum())
    )
    return {tuple(row[1:-2]): (row[-2], row[-1]) for row in counted.iter_rows()}


def _reported(
    history: History,
    runs: pl.DataFrame,
    columns: list[str],
    without: Collection[str],
    metrics: Collection[str],
) -> dict[tuple[str, ...], tuple[int, dict[str, int]]]:
    """How many sound runs each case has (with its key, the last of the tuple), and how many of them
    have each metric."""
    keys = {key: _reduced(key, without) for key in runs["key"].unique()}
    sound = runs.filter(SOUND).with_columns(
        key=pl.col("key").replace_strict(keys, return_dtype=pl.String)
    )
    wanted = pl.col("value").is_finite()
    if metrics:
        wanted &= pl.col("metric").cast(pl.String).is_in(sorted(metrics))

    counts = (
        history.figures.filter(wanted)
        .with_columns(pl.col("metric").cast(pl.String))
        .join(sound.select("run", *columns, "key"), on="run")
        .group_by(*columns, "key", "metric")
        .agg(pl.col("run").n_unique())
    )
    totals = sound.group_by(*columns, "key").len()
    found: dict[tuple[str, ...], tuple[int, dict[str, int]]] = {
        tuple(names): (total, {}) for *names, total in totals.iter_rows()
    }
    for *names, metric, count in counts.iter_rows():
        found[tuple(names)][1][metric] = count

    return found


def _reduced(key: str, without: Collection[str]) -> str:
    whole = json.loads(key or "{}")
    return json.dumps({name: whole[name] for name in sorted(whole) if name not in without})
