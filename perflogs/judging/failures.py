"""Cases that failed, and cases that were planned and did not run."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from perflogs.history import History
from perflogs.judging.failure_classes import failure_class
from perflogs.judging.finding import FAILURE, NOT_SCHEDULED, Finding, finding_name
from perflogs.judging.finding import NOT_RUN as NOT_RUN_STATE
from perflogs.judging.nights import NOT_RUN, PLACE, newest_nights
from perflogs.judging.repetition import command_for

_CASE = [*PLACE, "environ", "name", "unit"]
_FAILED = ["fail", "xpass"]


def failures(history: History, runs: pl.DataFrame, since: date | None) -> Iterator[Finding]:
    """One finding for each case that failed or did not run since the newest full night of its
    partition, that night included, or, where `since` is given, on that night or a later one.

    The latest run of a case decides: one that passed when it was run again is `recovered`. `runs`
    are those of the history that are judged."""
    newest = pl.DataFrame(
        [(*place, night) for place, night in newest_nights(runs).items()],
        schema={"system": pl.String, "partition": pl.String, "newest": pl.Date},
        orient="row",
    )
    first = pl.col("newest") if since is None else pl.lit(since)
    cases = _with_units(runs)
    recent = cases.join(newest, on=PLACE).filter(pl.col("night") >= first)
    bad = recent.filter(pl.col("result").is_in([*_FAILED, *NOT_RUN])).select(_CASE).unique()
    known = cases.join(bad, on=_CASE, how="semi").sort(*_CASE, "time", "run")
    for case in known.partition_by(_CASE, maintain_order=True):
        yield _finding(history, case.to_dicts())


def _with_units(runs: pl.DataFrame) -> pl.DataFrame:
    """With a column that tells the cases apart which `--distribute` makes of one, a case a node:
    they share a name, but not a hash code. The case that repeats one of them has another again."""
    several = pl.col("hashcode").n_unique().over([*PLACE, "environ", "name"]) > 1
    where = pl.when(pl.col("nodes") == "").then("hashcode").otherwise("nodes")
    return runs.with_columns(pl.when(several).then(where).otherwise(pl.lit("")).alias("unit"))


def _finding(history: History, case: list[dict[str, Any]]) -> Finding:
    """`case` are all runs of one case, oldest first."""
    bad = [run for run in case if run["result"] in [*_FAILED, *NOT_RUN]]
    last, latest = bad[-1], case[-1]
    recovered = latest["result"] not in [*_FAILED, *NOT_RUN]
    first = last if recovered else _beginning(case)
    absent = last["result"] in NOT_RUN
    state = NOT_RUN_STATE if absent else FAILURE
    return Finding(
        identity=finding_name(state, *[str(last[column]) for column in _CASE]),
        state=state,
        category=NOT_SCHEDULED
        if absent
        else failure_class(last["failure_class"], last["fail_phase"], last["fail_reason"]),
        system=last["system"],
        partition=last["partition"],
        environ=last["environ"],
        name=last["name"],
        since=first["night"],
        nodes=tuple(filter(None, last["nodes"].split(","))),
        reason=_why_not_run(history.runs, last) if absent else _why(last),
        again=command_for(history.runs, last),
        recovered=recovered,
    )


def _beginning(case: list[dict[str, Any]]) -> dict[str, Any]:
    """The first of the failures at the end."""
    first = case[-1]
    for run in reversed(case):
        if run["result"] not in [*_FAILED, *NOT_RUN]:
            break

        first = run

    return first


def _why(run: dict[str, Any]) -> str:
    if run["result"] == "xpass":
        return "it passed, and its reference says that it would fail"

    phase, reason, kind = run["fail_phase"], run["fail_reason"], run["failure_class"]
    text = " ".join(reason.split())
    if kind and kind not in text:
        text = f"{kind}: {text}" if text else kind

    if phase and phase not in text:
        text = f"{phase}: {text}" if text else f"failed in phase {phase}"

    return text or "the record does not say why"


def _why_not_run(runs: pl.DataFrame, run: dict[str, Any]) -> str:
    if run["result"] == "abort":
        return "aborted: the session ended before it ran"

    together = runs.filter(
        (pl.col("session") == run["session"])
        & (pl.lit(run["session"]) != "")
        & (pl.col("system") == run["system"])
        & (pl.col("partition") == run["partition"])
        & pl.col("result").is_in(_FAILED)
    )
    # A fixture fails before all that need it.
    needed = together.sort("fixture", "time", descending=[True, False])["name"].unique(
        maintain_order=True
    )
    if needed.len():
        return f"not run: needs a case that did not pass ({', '.join(needed.head(3))})"

    text = " ".join(run["fail_reason"].split())
    if not text:
        return "not run: skipped, or what it needs did not pass"

    return text if text.startswith("not run") else f"not run: {text}"
