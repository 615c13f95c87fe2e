"""The runs that say something about a single node."""

from datetime import date

import polars as pl

from perflogs.history import EVENTS, SOUND, History

#: Of a run on one node, whose name is known.
SINGLE = (pl.col("nodes") != "") & ~pl.col("nodes").str.contains(",", literal=True)
#: Runs that were made, with whatever result.
MADE = ~pl.col("result").is_in(["skip", "fail_deps", "abort"])
FAILED = MADE & ~SOUND
#: What belongs to the node, and not to what was run on it, in the words of a report.
HOST = {name: EVENTS[name] for name in ("driver_version", "kernel_version", "firmware_version")}
#: The session fails nodes that compute something else than the others, and their figures are kept.
_FAILED_BY_COMPARISON = (pl.col("failure_class") == "hardware") & (pl.col("fail_phase") == "sanity")


def sound_figures(history: History, since: date) -> pl.DataFrame:
    """The figures of sound runs of single nodes after the night `since`, oldest first, of metrics
    of which higher or lower is better."""
    directed = pl.col("better").cast(pl.String).is_in(["higher", "lower"])
    return _figures(history, since, SOUND, directed)


def equal_figures(history: History, since: date) -> pl.DataFrame:
    """The figures of runs of single nodes, one process each, after the night `since`, oldest first,
    of metrics that must not change at all; also of runs that failed because they had."""
    # A sum over several processes may be made in another order the next time.
    one_process = ~pl.col("name").str.contains("%process_per=gpu", literal=True)
    wanted = (SOUND | _FAILED_BY_COMPARISON) & one_process
    return _figures(history, since, wanted, pl.col("better").cast(pl.String) == "equal")


def _figures(history: History, since: date, wanted: pl.Expr, metrics: pl.Expr) -> pl.DataFrame:
    runs = history.runs.lazy().filter(SINGLE & wanted & (pl.col("night") > since))
    return (
        history.figures.lazy()
        .filter(metrics & pl.col("value").is_finite())
        .join(runs, on="run")
        .sort("time", "run")
        .with_columns(pl.col("metric", "unit", "better", "comparison").cast(pl.String))
        .collect()
    )
