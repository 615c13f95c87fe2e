"""From lines of a performance log, in either format of ReFrame, to records."""

from collections.abc import Sequence

import polars as pl

from perflogs.reading.directions import declared
from perflogs.reading.good_lines import find_good_lines
from perflogs.reading.header import FIELDS
from perflogs.reading.log_table import figure_columns, read_table
from perflogs.reading.records import FIGURES, RUNS, Records
from perflogs.reading.whole_lines import Lines

_JUDGED_BY = ["directions", "metric", "unit"]


def read_records(parts: Sequence[Lines]) -> Records:
    """The records of lines that stand below the same header; what cannot be read goes to their
    origins."""
    table = find_good_lines(parts)
    frame = read_table(table)
    rows = frame["row"].to_numpy()
    frame = frame.with_columns(
        pl.Series("origin", table.origin[rows], dtype=pl.UInt32),
        pl.Series("line", table.line[rows], dtype=pl.UInt32),
    )
    # Lines that say the same of a run are one sighting of it. Without the end of a job nothing
    # tells one run from the next.
    said = [name for name in RUNS if name != "line"]
    begins = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in said)
    begins |= ~pl.col("dated") | (pl.int_range(pl.len()) == 0)
    frame = frame.with_columns(begins=begins).with_columns(
        sighting=pl.col("begins").cum_sum().cast(pl.UInt32) - 1
    )
    figures = [
        _figures(frame, metric).select("row", *FIGURES.names()[1:])
        for metric in figure_columns(table.header)
    ]
    return Records(
        frame.filter("begins").select(RUNS.names()).cast(RUNS),
        pl.concat([FIGURES.to_frame(), *figures]),
    )


def _figures(frame: pl.DataFrame, metric: str) -> pl.DataFrame:
    name = pl.col("metric") if not metric else pl.lit(metric, pl.Categorical())
    fields = {field: pl.col(f"{metric}.{field}") for field in FIELDS}
    figures = frame.select("directions", row="sighting", metric=name, **fields).drop_nulls("metric")
    return _directed(figures).with_columns(_reference())


def _reference() -> pl.Expr:
    """ReFrame writes 0 without bounds where there is no reference."""
    is_none = (pl.col("reference") == 0) & pl.col("lower").is_null() & pl.col("upper").is_null()
    return pl.when(~is_none).then("reference")


def _directed(figures: pl.DataFrame) -> pl.DataFrame:
    """With `better` and `comparison`, as declared or else by name and unit."""
    kinds = figures.select(_JUDGED_BY).unique()
    texts = kinds.select(pl.all().cast(pl.String).fill_null(""))
    found = [declared(*row) for row in texts.iter_rows()]
    for number, name in enumerate(("better", "comparison")):
        values = [each[number] for each in found]
        kinds = kinds.with_columns(pl.Series(name, values, dtype=pl.Categorical()))

    return figures.join(kinds, on=_JUDGED_BY, how="left", nulls_equal=True, maintain_order="left")
