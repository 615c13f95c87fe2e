"""What passes or fails on its own: a case, or, where it is dealt to many nodes, each of these."""

import polars as pl

from perflogs.judging.failure_classes import failure_class
from perflogs.judging.finding import HARDWARE
from perflogs.judging.nights import CASE, FAILED

#: A unit of a case: `unit` is its node, and empty where the case is not dealt to several.
UNIT = [*CASE, "unit"]
# Of so many of its nights a case is taken to be dealt to several nodes, or to one.
_USUAL = 14
# Nobody runs the same case again on so many nodes night after night.
_MANY = 3
_DEFECT = ["failure_class", "fail_phase", "fail_reason"]


def with_units(runs: pl.DataFrame) -> pl.DataFrame:
    """With the column `unit`, and `defect`: a failure of the hardware on nodes that are known.

    The cases that `--distribute` makes of one share a name; their hash codes, and in records that
    have none their nodes, tell them apart. A case that was run again on another node some night is
    still one case. A defect is one of its nodes, whatever the case does elsewhere."""
    marked = _with_defects(runs)
    return marked.join(_dealt(runs), on=CASE, how="left").with_columns(
        pl.when(pl.col("dealt").fill_null(value=False))
        .then(_where())
        .when("defect")
        .then("nodes")
        .otherwise(pl.lit(""))
        .alias("unit")
    )


def _dealt(runs: pl.DataFrame) -> pl.DataFrame:
    """Which cases (columns CASE) usually run as several in a night: the column `dealt`."""
    alone = pl.when(pl.col("hashcode") == "").then("nodes").otherwise("hashcode")
    several = [alone.n_unique().alias("kinds"), pl.col("nodes").n_unique().alias("places")]
    nights = runs.group_by(*CASE, "night").agg(several).sort(*CASE, "night")
    kinds, places = (pl.col(name).tail(_USUAL).median() for name in ("kinds", "places"))
    return nights.group_by(CASE).agg(((kinds >= 2) | (places >= _MANY)).alias("dealt"))


def _where() -> pl.Expr:
    """The node of a run, also of one that never reached the node that its hash code stands for."""
    known = pl.when(pl.col("nodes") != "").then("nodes").drop_nulls().last()
    of_hash = known.over([*CASE, "hashcode"])
    return (
        pl.when(pl.col("nodes") != "")
        .then("nodes")
        .when((pl.col("hashcode") != "") & of_hash.is_not_null())
        .then(of_hash)
        .otherwise("hashcode")
    )


def _with_defects(runs: pl.DataFrame) -> pl.DataFrame:
    failed = pl.col("result").is_in(FAILED) & (pl.col("nodes") != "")
    said = runs.filter(failed).select(_DEFECT).unique()
    defects = [each for each in said.iter_rows() if failure_class(*each) == HARDWARE]
    table = pl.DataFrame(defects, schema=dict.fromkeys(_DEFECT, pl.String), orient="row")
    found = runs.join(table.with_columns(of_hardware=True), on=_DEFECT, how="left")
    return found.with_columns((failed & pl.col("of_hardware").is_not_null()).alias("defect"))
