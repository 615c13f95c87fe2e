"""What is taken from any source before runs are told apart: one frame of sightings of runs, one of
the figures that were seen with them.

A performance log sees a run once for each block of lines that say the same of it, a session once.
What several sightings say of one run is put together in merging.py."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from perflogs.history import EVENTS, KEYS
from perflogs.history import FIGURES as FIGURES_OF_RUNS

#: Columns of sightings that are texts: null where the record says nothing.
TEXTS = (
    *("result", "fail_phase", "fail_reason", "failure_class"),
    *("system", "partition", "environ", "name", "nodes", "hashcode"),
    *("campaign", "command", "case"),
    *KEYS,
    *EVENTS,
)
#: The phases of ReFrame that follow the end of a job.
PHASES_AFTER_THE_JOB = ("sanity", "performance", "finalize", "cleanup")
#: Results of cases whose jobs did not come to an end of their own.
NOT_ENDED = ("skip", "fail_deps", "abort")
RUNS = pl.Schema(
    {
        # Where it was read: the number of an `Origin`, and a line or the number of a case in it.
        "origin": pl.UInt32(),
        "line": pl.UInt32(),
        # Seconds since 1970, and minutes that the clock of the site is before UTC.
        "second": pl.Int64(),
        "offset": pl.Int32(),
        # Whether `second` is when the job ended, to be relied on as one of the things by which the
        # run is known; else it may be when it was written down.
        "dated": pl.Boolean(),
        "jobid": pl.String(),
        "partition_nodes": pl.Int64(),
        **{name: pl.Categorical() for name in TEXTS},
    }
)
FIGURES = pl.Schema(
    {
        # The row of the sighting.
        "row": pl.UInt32(),
        **{name: kind for name, kind in FIGURES_OF_RUNS.items() if name != "run"},
    }
)


@dataclass(frozen=True)
class Records:
    """Sightings of runs (schema RUNS), and figures (schema FIGURES) that refer to their rows."""

    runs: pl.DataFrame
    figures: pl.DataFrame

    def where(self, kept: pl.Series) -> "Records":
        """The sightings of which `kept` is true, with their figures."""
        if kept.all():
            return self

        rows = self.figures["row"]
        moved = kept.cum_sum().cast(pl.UInt32) - 1
        figures = self.figures.with_columns(row=moved.gather(rows)).filter(kept.gather(rows))
        return Records(self.runs.filter(kept), figures)

    def of_origins(self, wanted: Collection[int]) -> "Records":
        """Those that were read from one of these origins."""
        return self.where(self.runs["origin"].is_in(list(wanted)))


def concatenate(all_records: Sequence[Records]) -> Records:
    """All of them in one, in this order; none at all is empty."""
    start, figures = 0, [FIGURES.to_frame()]
    for each in all_records:
        figures.append(each.figures.with_columns(pl.col("row") + pl.lit(start, pl.UInt32)))
        start += each.runs.height

    runs = [RUNS.to_frame(), *(each.runs for each in all_records)]
    return Records(pl.concat(runs, rechunk=True), pl.concat(figures, rechunk=True))
