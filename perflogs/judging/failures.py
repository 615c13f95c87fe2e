"""Cases that failed, and cases that were planned and did not run."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl

from perflogs.history import History
from perflogs.judging.case_units import UNIT, with_units
from perflogs.judging.failure_classes import failure_class
from perflogs.judging.failure_reasons import why_failed, why_not_run
from perflogs.judging.finding import (
    FAILURE,
    HARDWARE,
    NOT_SCHEDULED,
    SUITE_ERROR,
    Finding,
    finding_name,
)
from perflogs.judging.finding import NOT_RUN as NOT_RUN_STATE
from perflogs.judging.nights import CASE, FAILED, NOT_RUN, PASSED, PLACE, RETIRED, newest_nights
from perflogs.judging.repetition import command_for

#: For so long what a nightly run planned is waited for; then it has stopped reporting.
_PLANNED = timedelta(days=14)


def failures(history: History, runs: pl.DataFrame, since: date | None) -> Iterator[Finding]:
    """One finding for each case whose latest run failed or did not run, whenever that was, and for
    each that was run again with success since the newest full night of its partition, or since
    `since`: it is `recovered`. `runs` are those of the history that are judged.

    A failure stands until the case passes, for RETIRED at most; one of the hardware until the case
    passes on the same node. Of partitions with nightly campaigns, what never runs in one of these
    failed for the newest night only."""
    cases = with_units(runs)
    nights = newest_nights(runs)
    recent = _recent(cases, nights)
    first = pl.col("newest") if since is None else pl.lit(since)
    latest = recent.sort("time", "run").group_by(UNIT).last()
    told = [latest.filter(_stands()), recent.filter(_bad() & (pl.col("night") >= first))]
    wanted = pl.concat([each.select(UNIT) for each in told]).unique()
    known = cases.join(wanted, on=UNIT, how="semi").sort(*UNIT, "time", "run")
    passes = cases.join(known.filter("defect"), on=CASE, how="semi").filter(~_bad())
    for unit in known.partition_by(UNIT, maintain_order=True):
        found = _finding(history, _with_passes(unit, passes).to_dicts())
        newest = nights[found.system, found.partition]
        if not (found.recovered and found.since and found.since < (since or newest)):
            yield found


def _bad() -> pl.Expr:
    return ~pl.col("result").is_in(PASSED)


def _recent(cases: pl.DataFrame, nights: dict[tuple[str, str], date]) -> pl.DataFrame:
    """The runs that are not retired, with the `newest` full night of their partition."""
    newest = pl.DataFrame(
        [(*place, night) for place, night in nights.items()],
        schema={**dict.fromkeys(PLACE, pl.String), "newest": pl.Date},
        orient="row",
    )
    known = cases.join(newest, on=PLACE)
    nightly = (pl.col("campaign") == "nightly").any()
    usual = nightly.over(CASE) | ~nightly.over(PLACE)
    return known.with_columns(usual.alias("usual")).filter(
        pl.col("night") >= pl.col("newest") - RETIRED
    )


def _stands() -> pl.Expr:
    """Of the latest run of a case: whether it says that something is wrong to this day."""
    planned = (pl.col("campaign") == "nightly") & (pl.col("night") >= pl.col("newest") - _PLANNED)
    lasting = pl.when(pl.col("result").is_in(NOT_RUN)).then(planned).otherwise("usual")
    return _bad() & lasting


def _with_passes(unit: pl.DataFrame, passes: pl.DataFrame) -> pl.DataFrame:
    """With those passes of the case that say that the nodes of a defect are sound again."""
    if not unit["defect"].all():
        return unit

    nodes = set(unit["unit"][0].split(","))
    others = passes.join(unit.head(1), on=CASE, how="semi")
    here = [nodes <= set(text.split(",")) for text in others["nodes"]]
    return pl.concat([unit, others.filter(pl.Series(here, dtype=pl.Boolean))]).sort("time", "run")


def _finding(history: History, case: list[dict[str, Any]]) -> Finding:
    """`case` are all runs of one unit, oldest first."""
    bad = [run for run in case if run["result"] not in PASSED]
    last, latest = bad[-1], case[-1]
    recovered = latest["result"] in PASSED
    first = last if recovered else _beginning(case)
    absent = last["result"] not in FAILED
    state = NOT_RUN_STATE if absent else FAILURE
    category = _category(last)
    nodes = tuple(filter(None, last["nodes"].split(",")))
    return Finding(
        identity=finding_name(state, *[str(bad[0][column]) for column in UNIT]),
        state=state,
        category=category,
        system=last["system"],
        partition=last["partition"],
        environ=last["environ"],
        name=last["name"],
        since=first["night"],
        nodes=nodes,
        reason=why_not_run(history.runs, last) if absent else why_failed(last),
        again=command_for(history.runs, last, _node_to_repeat_on(category, nodes)),
        recovered=recovered,
    )


def _category(run: dict[str, Any]) -> str:
    if run["result"] in FAILED:
        return failure_class(run["failure_class"], run["fail_phase"], run["fail_reason"])

    return NOT_SCHEDULED if run["result"] in NOT_RUN else SUITE_ERROR


def _node_to_repeat_on(category: str, nodes: tuple[str, ...]) -> str:
    """The same, where only a run there can show that its defect is mended."""
    return nodes[0] if category == HARDWARE and len(nodes) == 1 else ""


def _beginning(case: list[dict[str, Any]]) -> dict[str, Any]:
    """The first of the failures at the end."""
    first = case[-1]
    for run in reversed(case):
        if run["result"] in PASSED:
            break

        first = run

    return first
