"""Cases that stopped reporting, and partitions that fell silent altogether."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

import polars as pl

from perflogs.judging.finding import NOT_RUN as NOT_RUN_STATE
from perflogs.judging.finding import NOT_SCHEDULED, Finding, finding_name
from perflogs.judging.nights import NOT_RUN, PLACE, RETIRED, full_nights

_CASE = [*PLACE, "environ", "name"]
# What has reported less often has no rhythm that it could fall out of.
_FEWEST_NIGHTS = 3
# A case is missed after two of its usual intervals, a partition after three.
_CASE_INTERVALS, _PLACE_INTERVALS = 2, 3


def silent(runs: pl.DataFrame, today: date) -> Iterator[Finding]:
    """Findings for all that has stopped: `runs` are those that are judged.

    A case is missed when its partition has since had so many full nights as the case usually has
    two runs in: two for one that runs every night. A partition is missed when there has been
    nothing for three of its usual intervals: up to `today` where it has nightly campaigns, which
    promise to go on; else while others went on. Full nights alone are looked at, and of these
    nightly campaigns where there are any."""
    reported = runs.filter(~pl.col("result").is_in(NOT_RUN))
    newest: date | None = runs["night"].max()  # type: ignore[assignment]
    if newest is None:
        return

    full = full_nights(reported)
    there = reported.join(full, on=[*PLACE, "night"], how="semi")
    last_night = today - timedelta(days=1)
    promised = set(reported.filter(campaign="nightly").select(PLACE).unique().iter_rows())
    for nights_here in full.partition_by(PLACE, maintain_order=True):
        system, partition = nights_here.select(PLACE).row(0)
        nights = nights_here["night"].to_list()
        until = max(newest, last_night) if (system, partition) in promised else newest
        if _is_silent(nights, until):
            yield _silent_place(system, partition, nights[-1])
        else:
            here = (pl.col("system") == system) & (pl.col("partition") == partition)
            yield from _silent_cases(there.filter(here), nights)


def _is_silent(nights: list[date], until: date) -> bool:
    if len(nights) < _FEWEST_NIGHTS:
        return False

    intervals = [(later - earlier).days for earlier, later in pairwise(nights)]
    return (until - nights[-1]).days > _PLACE_INTERVALS * median(intervals)


def _silent_place(system: str, partition: str, last: date) -> Finding:
    return Finding(
        identity=finding_name(NOT_RUN_STATE, system, partition),
        state=NOT_RUN_STATE,
        category=NOT_SCHEDULED,
        system=system,
        partition=partition,
        since=last,
        reason=f"nothing has been recorded since the night of {last}",
    )


def _silent_cases(here: pl.DataFrame, nights: list[date]) -> Iterator[Finding]:
    order = {night: place for place, night in enumerate(nights)}
    cases = here.filter(~pl.col("fixture")).group_by(_CASE)
    for *case, own in cases.agg(pl.col("night").unique().sort()).sort(_CASE).iter_rows():
        places = [order[night] for night in own]
        if len(places) < _FEWEST_NIGHTS or nights[-1] - own[-1] > RETIRED:
            continue

        interval = median(later - earlier for earlier, later in pairwise(places))
        absent = len(nights) - 1 - places[-1]
        if absent >= _CASE_INTERVALS * interval:
            yield _silent_case(case, own[-1], absent)


def _silent_case(case: list[str], last: date, absent: int) -> Finding:
    system, partition, environ, name = case
    return Finding(
        identity=finding_name(NOT_RUN_STATE, *case, ""),
        state=NOT_RUN_STATE,
        category=NOT_SCHEDULED,
        system=system,
        partition=partition,
        environ=environ,
        name=name,
        since=last,
        reason=f"stopped reporting: the last record is of the night of {last}, {absent} nights of "
        f"{system}:{partition} ago",
    )
