"""Cases that stopped reporting, and partitions that fell silent altogether."""

from collections.abc import Iterator
from datetime import date, timedelta

import polars as pl

from perflogs.judging.absence import absence
from perflogs.judging.finding import NOT_RUN as NOT_RUN_STATE
from perflogs.judging.finding import NOT_SCHEDULED, Finding, finding_name
from perflogs.judging.nights import (
    CASE,
    NOT_RUN,
    PLACE,
    RETIRED,
    finished_nights,
    full_nights,
)
from perflogs.judging.rhythm import FEWEST_NIGHTS, absences, nights_without, usual_interval

# A partition is missed after so many of its usual intervals: where a nightly campaign promises to
# go on, one that is missing may still come; elsewhere while others went on.
_PROMISED, _PLACE_INTERVALS = 1.5, 3
#: Where nothing is promised, what is older says nothing of tonight.
_TOO_OLD = timedelta(days=30)


def silent(runs: pl.DataFrame, today: date) -> Iterator[Finding]:
    """Findings for all that has stopped: `runs` are those that are judged.

    A case is missed when its partition has since had so many full nights as the case usually has
    two runs in; in a nightly campaign, one that was there on each of ten nights is missed at once.
    A partition with nightly campaigns is missed up to `today`, one without while others go on, or
    after 30 days. Full nights alone are looked at, and of these nightly campaigns where there are
    any, and what has not come to its usual end is not over."""
    reported = runs.filter(~pl.col("result").is_in(NOT_RUN))
    newest: date | None = runs["night"].max()  # type: ignore[assignment]
    if newest is None:
        return

    full = full_nights(reported)
    there = reported.join(full, on=[*PLACE, "night"], how="semi")
    promised = set(reported.filter(campaign="nightly").select(PLACE).unique().iter_rows())
    for nights_here in full.partition_by(PLACE, maintain_order=True):
        place = nights_here.select(PLACE).row(0)
        nights = nights_here["night"].to_list()
        if _is_silent(nights, newest, today, place in promised):
            yield _silent_place(place[0], place[1], nights[-1])
        else:
            here = there.filter((pl.col("system") == place[0]) & (pl.col("partition") == place[1]))
            over = finished_nights(here, today)
            yield from _silent_cases(here, over, at_once=place in promised)


def _is_silent(nights: list[date], newest: date, today: date, promised: bool) -> bool:
    if len(nights) < FEWEST_NIGHTS:
        return False

    usual = usual_interval(nights)
    if promised:
        return nights_without(nights, today - timedelta(days=1)) > _PROMISED * usual

    overdue = _PLACE_INTERVALS * usual
    return newest - nights[-1] > overdue or today - nights[-1] > max(_TOO_OLD, overdue)


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


def _silent_cases(here: pl.DataFrame, nights: list[date], at_once: bool) -> Iterator[Finding]:
    """Of cases that have reported since the last of the `nights`, nothing is missed."""
    nights_of_case = pl.col("night").unique().sort()
    cases = here.filter(~pl.col("fixture")).group_by(CASE).agg(nights_of_case).sort(CASE)
    for *case, own in cases.iter_rows():
        if not nights or own[-1] > nights[-1]:
            continue

        absent = absences(own, nights, at_once)
        if absent and nights[-1] - own[-1] <= RETIRED:
            reason = (
                f"stopped reporting: the last record is of the night of {own[-1]}, {absent} "
                f"night(s) of {case[0]}:{case[1]} ago"
            )
            yield absence(case, NOT_SCHEDULED, own[-1], reason, about="")
