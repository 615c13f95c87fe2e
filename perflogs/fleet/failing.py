"""Finds the nodes on which cases fail that pass on their peers: no figure tells of them."""

from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.fleet.finding import FAILING, NodeFinding
from perflogs.fleet.observations import MADE, SINGLE
from perflogs.history import SOUND, History
from perflogs.judging.failure_classes import failure_class
from perflogs.judging.finding import NOT_SCHEDULED
from perflogs.statistics.failing_nodes import failing_nodes
from perflogs.statistics.peers import FEWEST_PEERS, Outlier

_CASE = ("system", "partition", "environ", "name")


def nodes_that_fail(
    history: History, since: date
) -> tuple[list[NodeFinding], set[tuple[str, ...]]]:
    """The nodes that fail cases which most other nodes pass, in their runs after the night `since`,
    and all that could be compared, as (system, partition, node). What the scheduler did not run has
    not failed, and what missed nothing but a reference is compared by its figures."""
    wanted = SINGLE & MADE & (pl.col("night") > since)
    made = history.runs.filter(wanted).with_columns(failed=~SOUND).sort("time", "run")
    why = made.select("failed", "failure_class", "fail_phase", "fail_reason").iter_rows()
    run = [not failed or failure_class(*words) != NOT_SCHEDULED for failed, *words in why]
    cases = [
        runs
        for _, runs in made.filter(pl.Series(run, dtype=pl.Boolean)).group_by(
            *_CASE, maintain_order=True
        )
        if runs["nodes"].n_unique() > FEWEST_PEERS
    ]
    family = sum(runs["nodes"].n_unique() for runs in cases)
    found: list[NodeFinding] = []
    for runs in cases:
        _, nodes = np.unique(runs["nodes"].to_numpy().astype(str), return_inverse=True)
        for each in failing_nodes(runs["failed"].to_numpy(), nodes, family):
            found.append(_finding(runs, nodes, each))

    return found, {
        place for runs in cases for place in runs.select(*_CASE[:2], "nodes").iter_rows()
    }


def _finding(runs: pl.DataFrame, nodes: NDArray[np.int64], outlier: Outlier) -> NodeFinding:
    own = np.flatnonzero(nodes == outlier.node)
    last = runs[own].filter(pl.col("failed")).row(-1, named=True)
    return NodeFinding(
        kind=FAILING,
        confirmed=outlier.confirmed,
        system=last["system"],
        partition=last["partition"],
        node=last["nodes"],
        name=last["name"],
        metric="",
        unit="1",
        comparison="absolute",
        difference=outlier.size,
        score=outlier.score,
        chance=outlier.chance,
        since=runs["night"][outlier.start],
        throughout=outlier.start == int(own[0]),
        bad=outlier.bad,
        runs=outlier.runs,
        reason=last["fail_reason"] or last["fail_phase"],
    )
