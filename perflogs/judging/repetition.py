"""The command that runs a case of the history again, with what else that command must select."""

from typing import Any

import polars as pl

from perflogs.case_selection import parameters_of
from perflogs.rerun import rerun_run


def command_for(runs: pl.DataFrame, run: dict[str, Any], node: str = "") -> str:
    """A shell command that runs the case of `run`, a row of `runs`, again; on `node` where given.

    A fixture cannot be selected: for it, a case that was waiting for it is run."""
    others = _same_session(runs, run)
    if run["fixture"]:
        waiting = others.filter(~pl.col("fixture") & (pl.col("result") == "fail_deps"))
        if waiting.height:
            return rerun_run(waiting.row(0, named=True), node, [])

    before = others.filter(~pl.col("fixture") & (pl.col("time") <= pl.lit(run["time"])))
    return rerun_run(run, node, _compatible(run["name"], before["name"].unique().to_list()))


def another_node(nodes: tuple[str, ...], suspected: str) -> str:
    """The node of the last run of a series that was elsewhere; empty where there was none."""
    elsewhere = (each for each in reversed(nodes) if each not in ("", *suspected.split(",")))
    return next((each for each in elsewhere if "," not in each), "")


def _same_session(runs: pl.DataFrame, run: dict[str, Any]) -> pl.DataFrame:
    return runs.filter(
        (pl.col("session") == run["session"])
        & (pl.lit(run["session"]) != "")
        & (pl.col("system") == run["system"])
        & (pl.col("partition") == run["partition"])
        & (pl.col("run") != run["run"])
    )


def _compatible(name: str, others: list[str]) -> list[str]:
    """Names of cases that this one may need: with the same values of all parameters they share."""
    mine = parameters_of(name)
    return sorted(
        other
        for other in others
        if other != name
        and all(mine.get(key, value) == value for key, value in parameters_of(other).items())
    )
