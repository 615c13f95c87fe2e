"""The frames of the history, from records that hold each run once."""

import json
from collections.abc import Callable, Mapping

import polars as pl

from perflogs.history import EVENTS, FIGURES, KEYS, RUNS
from perflogs.reading.origins import Origin, Session
from perflogs.reading.records import Records
from perflogs.reading.texts import map_distinct
from perflogs.reading.times import DAY, NOON

#: The campaign of runs that name none.
AD_HOC = "ad hoc"
_KEYED_BY = ["case", *KEYS]
_TEXTS = (
    *("system", "partition", "environ", "name", "hashcode", "jobid", "nodes"),
    *("result", "fail_phase", "fail_reason", "failure_class", "case", "command"),
    *EVENTS,
)


def figures_frame(merged: Records) -> pl.DataFrame:
    """The figures, by the schema FIGURES of the history."""
    texts = pl.col("unit", "better", "comparison").fill_null("")
    return merged.figures.rename({"row": "run"}).with_columns(texts).select(FIGURES.names())


def runs_frame(merged: Records, origins: Mapping[int, Origin]) -> pl.DataFrame:
    """The runs, by the schema RUNS of the history."""
    runs = merged.runs.with_columns(_fail_phase(merged))
    clock = pl.col("second") + 60 * pl.col("offset").cast(pl.Int64)
    return runs.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("run"),
        pl.from_epoch("second", time_unit="s")
        .dt.cast_time_unit("us")
        .dt.replace_time_zone("UTC")
        .alias("time"),
        ((clock - NOON) // DAY).cast(pl.Int32).cast(pl.Date).alias("night"),
        pl.col("campaign").cast(pl.String).fill_null(AD_HOC),
        pl.col(_TEXTS).cast(pl.String).fill_null(""),
        "partition_nodes",
        map_distinct(runs["name"], lambda name: name.split(" ")[0]).cast(pl.String).alias("check"),
        # ReFrame names a fixture by the case that it is for, as `Data ~Train`.
        pl.col("name").cast(pl.String).str.contains(" ~", literal=True).alias("fixture"),
        _keys(runs),
        _by_origin(runs, origins, "source", lambda origin: origin.path),
        _by_session(runs, origins, "session", lambda session: session.uuid),
        _by_session(runs, origins, "workdir", lambda session: session.workdir),
        _by_session(runs, origins, "configuration", lambda session: session.configuration),
    ).select(RUNS.names())


def _fail_phase(merged: Records) -> pl.Expr:
    # ReFrame's default format does not say it; but figures are made after all else has passed.
    measured = merged.figures.drop_nulls("value")["row"].unique().implode()
    missed = (pl.col("result") == "fail") & pl.col("fail_phase").is_null()
    missed &= pl.int_range(pl.len(), dtype=pl.UInt32).is_in(measured)
    performance = pl.lit("performance", pl.Categorical())
    return pl.when(missed).then(performance).otherwise("fail_phase").alias("fail_phase")


def _keys(runs: pl.DataFrame) -> pl.Series:
    distinct = runs.select(_KEYED_BY).unique()
    keys = [_key(row) for row in distinct.cast(pl.String).iter_rows(named=True)]
    distinct = distinct.with_columns(pl.Series("key", keys))
    joined = runs.select(_KEYED_BY).join(
        distinct, on=_KEYED_BY, how="left", nulls_equal=True, maintain_order="left"
    )
    return joined["key"]


def _key(row: dict[str, str | None]) -> str:
    """All texts, save what stands in the case with its type."""
    said = {name: row[name] for name in KEYS if row[name] is not None}
    return json.dumps({**said, **json.loads(row["case"] or "{}")}, sort_keys=True)


def _by_session(
    runs: pl.DataFrame, origins: Mapping[int, Origin], name: str, text: Callable[[Session], str]
) -> pl.Series:
    return _by_origin(runs, origins, name, lambda each: text(each.session) if each.session else "")


def _by_origin(
    runs: pl.DataFrame, origins: Mapping[int, Origin], name: str, text: Callable[[Origin], str]
) -> pl.Series:
    numbers = runs["origin"].unique().to_list()
    texts = pl.Series([text(origins[number]) for number in numbers], dtype=pl.String)
    found = runs["origin"].replace_strict(numbers, texts, return_dtype=pl.String)
    return found.alias(name)
