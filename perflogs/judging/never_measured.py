"""Cases that pass and have never had a figure that could be judged: green, and of no use."""

from collections.abc import Iterator

import polars as pl

from perflogs.history import SOUND, History
from perflogs.judging.absence import absence
from perflogs.judging.finding import SUITE_ERROR, Finding
from perflogs.judging.nights import CASE, PASSED, PLACE, RETIRED

_KIND = [*CASE, "key"]
_NOTHING = "no figure at all"


def never_measured(history: History, runs: pl.DataFrame) -> Iterator[Finding]:
    """A finding for each case that passed, and whose sound runs of its latest kind have no usable
    figure at all.

    `runs` are those that are judged; of nightly campaigns alone where there are any. What is no
    measured case of this suite, and has no metric, promises no figure. ReFrame fails a case whose
    figure is no number: that is told as a failure."""
    sound, passed = _sound(runs), pl.col("result").is_in(PASSED)
    figures = history.figures.join(sound.select("run"), on="run", how="semi")
    names = figures.group_by("run").agg(pl.col("metric").cast(pl.String).unique().alias("metrics"))
    measured = figures.filter(pl.col("value").is_finite()).select("run", measured=pl.lit(1))
    kinds = (
        sound.join(names, on="run", how="left")
        .join(measured.unique(), on="run", how="left")
        .group_by(_KIND)
        .agg(
            pl.col("measured").count(),
            pl.col("night").filter(passed).min().alias("first"),
            pl.col("night").filter(passed).n_unique().alias("nights"),
            pl.col("metrics").explode().drop_nulls().unique().sort(),
            (pl.col("case") != "").any().alias("promised"),
        )
        .filter((pl.col("measured") == 0) & (pl.col("nights") > 0))
        .sort(_KIND)
    )
    for row in kinds.iter_rows(named=True):
        if row["metrics"] or row["promised"]:
            named = f"{', '.join(row['metrics'])} never had a value" if row["metrics"] else _NOTHING
            reason = f"{named}, in {row['nights']} night(s) on which the case passed"
            case = [row[column] for column in CASE]
            yield absence(case, SUITE_ERROR, row["first"], reason, about="values")


def _sound(runs: pl.DataFrame) -> pl.DataFrame:
    """The sound runs of the latest kind of each case that is not retired."""
    nightly = pl.col("campaign") == "nightly"
    counted = runs.filter(SOUND & ~pl.col("fixture") & (nightly | ~nightly.any().over(PLACE)))
    newest = pl.col("night").max()
    lasting = counted.filter(newest.over(CASE) >= newest.over(PLACE) - RETIRED)
    return lasting.filter(pl.col("key") == pl.col("key").sort_by("time", "run").last().over(CASE))
