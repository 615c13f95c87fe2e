"""Puts together what several records say of one run, so that none is counted twice.

A run is known by its place, case, job, nodes and the second in which the job ended: a job number
alone comes again after years, or from another host's local scheduler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.reading.origins import Origin
from perflogs.reading.records import Records
from perflogs.reading.undated import dry_runs, same_runs

_PLACE_AND_JOB = ["system", "partition", "environ", "name", "jobid", "second"]
_IDENTITY = [*_PLACE_AND_JOB, "nodes"]
#: Of the record that holds, also where it says nothing: they belong together.
_OUTCOME = {"origin", "result", "fail_phase", "fail_reason", "failure_class"}
_NO_TIME = np.iinfo(np.int64).min

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Rows of the same run side by side, the most trusted one last: `rows` in this order, and
    where in it each group begins and ends (included)."""

    rows: Numbers
    starts: Numbers
    ends: Numbers

    def last(self, column: pl.Series) -> pl.Series:
        """What the last row of each group says."""
        return column.gather(self.rows[self.ends])

    def last_said(self, column: pl.Series) -> pl.Series:
        """What the last row of each group says that says anything."""
        if len(self.rows) == len(self.ends) or not column.null_count():
            return self.last(column)

        says = column.is_not_null().to_numpy()[self.rows]
        last = np.maximum.accumulate(np.where(says, np.arange(len(says)), -1))[self.ends]
        found = pl.Series(self.rows[last], dtype=pl.UInt32)
        return column.gather(found.set(pl.Series(last < self.starts), None))


def merge(records: Records, origins: Mapping[int, Origin], ranks: Sequence[int]) -> Records:
    """Each run once, in the order of time; `line` and `dated` mean nothing any more.

    `ranks` are the numbers of all origins, the most trusted one last. What the last record says of
    a run holds, and what it does not say is taken from those before; of figures of the same metric
    the last one holds. Dry runs are left out: nothing ran."""
    records = records.where(~dry_runs(records))
    runs = records.runs
    trust = _trust(runs, ranks)
    identities, seconds = _identities(records, origins)
    groups = _groups(identities, seconds, trust)
    merged = [
        groups.last(column) if column.name in _OUTCOME else groups.last_said(column)
        for column in runs.with_columns(second=seconds)
    ]
    numbers = np.empty(len(groups.ends), dtype=np.int64)
    numbers[identities[groups.rows[groups.ends]]] = np.arange(len(groups.ends))
    figures = records.figures
    rows = figures["row"].to_numpy()
    kept = _last_of_each(numbers[identities[rows]], figures["metric"].to_physical(), trust[rows])
    return Records(
        pl.DataFrame(merged),
        figures.with_columns(row=pl.Series(numbers[identities[rows]], dtype=pl.UInt32))[kept],
    )


def _trust(runs: pl.DataFrame, ranks: Sequence[int]) -> Numbers:
    """The place of each row in the order of trust."""
    rank = np.zeros(max(ranks, default=0) + 1, dtype=np.int64)
    rank[np.asarray(ranks, dtype=np.int64)] = np.arange(len(ranks))
    ordered = np.lexsort((runs["line"].to_numpy(), rank[runs["origin"].to_numpy()]))
    place = np.empty(len(ordered), dtype=np.int64)
    place[ordered] = np.arange(len(ordered))
    return place


def _identities(records: Records, origins: Mapping[int, Origin]) -> tuple[Numbers, pl.Series]:
    """The number of the run that each row is of, and when that was."""
    runs = records.runs
    dated = runs["dated"].to_numpy()
    keys = _with_known_nodes(runs.filter("dated").select(_IDENTITY))
    distinct = keys.unique(maintain_order=True).with_row_index("identity")
    found = keys.join(distinct, on=_IDENTITY, how="left", nulls_equal=True, maintain_order="left")
    identities = np.full(runs.height, -1, dtype=np.int64)
    identities[dated] = found["identity"].to_numpy()
    seconds = runs["second"].fill_null(_NO_TIME).to_numpy().copy()
    following = distinct.height
    for rows in same_runs(records, origins):
        known = identities[rows].max()
        identities[rows] = known if known >= 0 else following
        following += known < 0
        seconds[rows] = seconds[rows[0]]

    return identities, pl.Series(seconds).replace(_NO_TIME, None)


def _with_known_nodes(keys: pl.DataFrame) -> pl.DataFrame:
    """Where one record does not know the nodes, those that all others of this job name."""
    if not keys["nodes"].null_count():
        return keys

    known = (
        keys.drop_nulls("nodes")
        .group_by(_PLACE_AND_JOB)
        .agg(pl.col("nodes").n_unique().alias("variants"), pl.col("nodes").first().alias("known"))
        .filter(pl.col("variants") == 1)
    )
    joined = keys.join(
        known, on=_PLACE_AND_JOB, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined.with_columns(pl.coalesce("nodes", "known").alias("nodes")).select(_IDENTITY)


def _groups(identities: Numbers, seconds: pl.Series, trust: Numbers) -> Groups:
    """Groups of equal identities, in the order of time and then of trust in their first row."""
    order = np.lexsort((trust, identities))
    ends = np.flatnonzero(np.diff(identities[order], append=-1))
    starts = np.concatenate([[0], ends + 1])[:-1].astype(np.int64)
    times = seconds.fill_null(_NO_TIME).to_numpy()[order[starts]]
    by_time = np.lexsort((trust[order[starts]], times))
    return Groups(order, starts[by_time], ends[by_time])


def _last_of_each(runs: Numbers, metrics: pl.Series, trust: Numbers) -> Numbers:
    """Which figure of each run and metric is the most trusted one, in the order of runs, and as
    they were recorded."""
    codes = metrics.to_numpy().astype(np.int64)
    keys = runs * (codes.max(initial=0) + 1) + codes
    order = np.lexsort((trust, keys))
    kept = order[np.flatnonzero(np.diff(keys[order], append=-1))]
    return kept[np.lexsort((kept, runs[kept]))]
