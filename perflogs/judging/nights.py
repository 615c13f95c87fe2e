"""Which runs and which nights a verdict is about."""

from datetime import date, timedelta

import polars as pl

PLACE = ["system", "partition"]
#: What has a history of its own.
CASE = [*PLACE, "environ", "name"]
PASSED = ["pass", "xfail"]
FAILED = ["fail", "xpass"]
#: What did not run, although it was planned.
NOT_RUN = ["skip", "fail_deps", "abort"]
#: A case, or a partition, that has been silent for so long is taken to be retired.
RETIRED = timedelta(days=90)
# Of so many nights the number of cases is taken that is usual.
_USUAL = 14
# A night that ended so much earlier than usual has not come to its end yet.
_EARLY = timedelta(hours=6)


def judged_runs(runs: pl.DataFrame, today: date, until: date | None = None) -> pl.DataFrame:
    """The runs that a verdict is about: all that have a time, but for published results, those of
    partitions that are retired, and those that are yet to come; with `until`, of nights that had
    ended at noon of that day."""
    known = pl.col("time").is_not_null() & pl.col("night").is_not_null()
    own = runs.filter(known & (pl.col("campaign") != "published") & ~_to_come(today))
    if until is not None:
        own = own.filter(pl.col("night") < until)

    newest = pl.col("night").max()
    return own.filter(newest.over(PLACE) >= newest - RETIRED)


def runs_to_come(runs: pl.DataFrame, today: date) -> pl.DataFrame:
    """The runs whose time lies ahead by more than a day: a clock was wrong. Were they counted, all
    that is would look as if it were long over."""
    return runs.filter((pl.col("campaign") != "published") & _to_come(today))


def _to_come(today: date) -> pl.Expr:
    return (pl.col("night") > today + timedelta(days=1)).fill_null(value=False)


def full_nights(runs: pl.DataFrame) -> pl.DataFrame:
    """The nights on which each partition (columns PLACE, `night`) ran what it usually does, sorted.

    These are the nights of nightly campaigns. Of a partition that has none they are those on which
    half as many cases ran as usual: a session of a few says nothing of the others."""
    nights = (
        runs.group_by([*PLACE, "night"])
        .agg(
            pl.struct("environ", "name").n_unique().alias("cases"),
            (pl.col("campaign") == "nightly").any().alias("nightly"),
        )
        .sort([*PLACE, "night"])
    )
    usual = pl.col("cases").tail(_USUAL).median().over(PLACE)
    any_nightly = pl.col("nightly").any().over(PLACE)
    full = pl.when(any_nightly).then("nightly").otherwise(2 * pl.col("cases") >= usual)
    return nights.filter(full).select([*PLACE, "night"])


def newest_nights(runs: pl.DataFrame) -> dict[tuple[str, str], date]:
    """The newest full night of each system and partition: what ran later repeats some of it."""
    found = full_nights(runs).group_by(PLACE).agg(pl.col("night").max()).sort(PLACE)
    return {(system, partition): night for system, partition, night in found.iter_rows()}


def finished_nights(runs: pl.DataFrame, today: date) -> list[date]:
    """The nights of the runs of one partition, sorted; without the newest one where that begins
    `today`, or holds no more yet than what ended after noon and belongs to the night before."""
    until = pl.col("time").max() - pl.col("night").first().cast(pl.Datetime("us", "UTC"))
    ends = runs.filter(pl.col("night") < today).group_by("night").agg(until.alias("end"))
    ends = ends.sort("night")
    nights: list[date] = ends["night"].to_list()
    usual = ends["end"].tail(_USUAL).median()
    early = bool(nights) and ends["end"][-1] + _EARLY < usual
    return nights[:-1] if early else nights
