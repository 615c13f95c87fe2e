"""Cuts the history into series: one metric of one case, as long as its figures are comparable."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.history import SOUND, History

#: A series with more runs than this is thinned out to as many, but of no night to fewer than these,
#: which are enough to confirm a change on a single night.
MOST_RUNS, LEAST_A_NIGHT = 2000, 3
#: What is older says nothing about tonight.
SPAN = timedelta(days=730)


@dataclass(frozen=True)
class Series:
    """The figures of one metric of one case, oldest first: finite, of sound runs, of two years.

    Of a case that runs on many nodes every night, some runs stand for the night (`thinned`).

    `runs` are the numbers of the runs in the history, `nodes` where each was made, separated by
    commas: nothing in a series that was thinned out, for what is left of a night is on other nodes
    every time and could be put down to one of them. `key` is everything that would have made it
    another series."""

    identity: str
    system: str
    partition: str
    environ: str
    name: str
    key: dict[str, object]
    metric: str
    unit: str
    better: str
    comparison: str
    values: NDArray[np.float64]
    nights: NDArray[np.datetime64]
    runs: NDArray[np.uint32]
    nodes: tuple[str, ...]

    @property
    def place(self) -> str:
        """System and partition, as `pearl:gpu`."""
        return f"{self.system}:{self.partition}"


def identity(*parts: str) -> str:
    """Twelve hexadecimal digits that stand for these texts, and always will."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:12]


def series_of(history: History, span: timedelta = SPAN) -> Iterator[Series]:
    """All series of the history, sorted by place, name and metric. Each begins `span` before its
    own newest run, so that what others have run since changes nothing in it. Runs without a time
    belong to none."""
    keys = ["system", "partition", "environ", "name", "key"]
    sound = history.runs.lazy().filter(SOUND & pl.col("time").is_not_null())
    counted = sound.filter(pl.col("time") > pl.col("time").max().over(keys) - span)
    figures = (
        history.figures.lazy()
        .filter(pl.col("value").is_finite())
        .join(counted.select("run", "night", "time", "nodes", *keys), on="run")
        .sort("time", "run")
        .group_by(*keys, "metric")
        .agg("value", "night", "run", "nodes", pl.col("unit", "better", "comparison").last())
        .with_columns(pl.col("metric").cast(pl.String))
        .sort(*keys, "metric")
        .collect()
    )
    for row in figures.iter_slices(1):
        yield _series(row)


def _series(row: pl.DataFrame) -> Series:
    text = {name: str(row[name][0]) for name in ("system", "partition", "environ", "name", "key")}
    metric = row["metric"][0]
    values, nights = row["value"][0].to_numpy(), row["night"][0].to_numpy()
    kept = thinned(values, nights) if values.size > MOST_RUNS else np.arange(values.size)
    nodes = row["nodes"][0] if kept.size == values.size else [""] * kept.size
    return Series(
        identity=identity(*text.values(), metric),
        system=text["system"],
        partition=text["partition"],
        environ=text["environ"],
        name=text["name"],
        key=json.loads(text["key"] or "{}"),
        metric=metric,
        unit=str(row["unit"][0]),
        better=str(row["better"][0]),
        comparison=str(row["comparison"][0]),
        values=values[kept],
        nights=nights[kept],
        runs=row["run"][0].to_numpy()[kept],
        nodes=tuple(nodes),
    )


def thinned(values: NDArray[np.float64], nights: NDArray[np.datetime64]) -> NDArray[np.intp]:
    """Which runs of each night stand for all of it, in their order: those in the middle of equal
    shares of the night, sorted by value, so that its level and its scatter stay what they are."""
    order = np.lexsort((values, nights))
    _, starts, counts = np.unique(nights[order], return_index=True, return_counts=True)
    most = max(MOST_RUNS // counts.size, LEAST_A_NIGHT)
    count, rank = np.repeat(counts, counts), np.arange(order.size) - np.repeat(starts, counts)
    middles_up_to = (2 * most * np.stack([rank, rank + 1]) + count - 1) // (2 * count)
    return np.sort(order[(count <= most) | (np.diff(middles_up_to, axis=0)[0] > 0)])
