"""Finds the nodes that are worse than their peers, or vary more than they do."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.fleet.finding import UNSTEADY, WORSE, NodeFinding
from perflogs.fleet.observations import HOST, sound_figures
from perflogs.history import History
from perflogs.judging.fingerprints import SOFTWARE
from perflogs.statistics.peers import (
    SMALLEST_ABSOLUTE,
    SMALLEST_RELATIVE,
    Outlier,
    peer_levels,
    unsteady_nodes,
    worse_nodes,
)

# What is chosen with a run; the driver is the node's.
_CHOSEN = tuple(name for name in SOFTWARE if name not in HOST)
_SERIES = ("system", "partition", "environ", "name", "key", "metric")
_RULES: dict[str, Callable[..., list[Outlier]]] = {WORSE: worse_nodes, UNSTEADY: unsteady_nodes}


@dataclass(frozen=True)
class _Compared:
    """The runs of one metric of one case that have peers: `nodes` are places in `names`,
    `deviations` positive where worse; `hosts` is what the node of each run had, by the word for
    it."""

    about: dict[str, str]
    names: NDArray[np.str_]
    nodes: NDArray[np.int64]
    nights: NDArray[np.datetime64]
    deviations: NDArray[np.float64]
    hosts: dict[str, NDArray[np.str_]]

    @property
    def smallest(self) -> float:
        """The smallest deviation that counts."""
        return SMALLEST_ABSOLUTE if self.about["comparison"] == "absolute" else SMALLEST_RELATIVE


def outlying_nodes(history: History, since: date) -> tuple[list[NodeFinding], set[tuple[str, ...]]]:
    """The nodes that differ from their peers in their runs after the night `since`, and all that
    could be compared at all, as (system, partition, node).

    A run is compared with others of the same test on the same device with the same software, of the
    same night where there are enough. A node that is nearly alone with its driver is compared with
    all others that ran the same image, and the driver is said."""
    grouped = (
        sound_figures(history, since)
        .with_columns(
            software=pl.concat_str(SOFTWARE, separator="\0").rank("dense"),
            chosen=pl.concat_str(_CHOSEN, separator="\0").rank("dense"),
        )
        .group_by(*_SERIES, maintain_order=True)
        .agg(
            *("value", "nodes", "night", "software", "chosen", *HOST),
            pl.col("unit", "better", "comparison").last(),
        )
    )
    compared = [each for row in grouped.iter_slices(1) if (each := _compared(row)) is not None]
    family = sum(len(each.names) for each in compared)
    found = [
        _finding(each, kind, outlier)
        for each in compared
        for kind, rule in _RULES.items()
        for outlier in rule(each.deviations, each.nodes, each.smallest, family)
    ]
    judged: set[tuple[str, ...]] = {
        (each.about["system"], each.about["partition"], str(name))
        for each in compared
        for name in each.names
    }
    return found, judged


def _compared(row: pl.DataFrame) -> _Compared | None:
    about = {name: str(row[name][0]) for name in (*_SERIES, "unit", "better", "comparison")}
    values = row["value"][0].to_numpy()
    nights = row["night"][0].to_numpy()
    _, nodes = np.unique(row["nodes"][0].to_numpy().astype(str), return_inverse=True)
    levels = np.full(len(values), np.nan)
    for peers in ("software", "chosen"):
        groups = row[peers][0].to_numpy()
        for each in np.unique(groups[np.isnan(levels)]):
            here = groups == each
            reached = peer_levels(values[here], nodes[here], nights[here].astype(np.int64))
            levels[here] = np.where(np.isnan(levels[here]), reached, levels[here])

    worse = values - levels if about["better"] == "lower" else levels - values
    if about["comparison"] != "absolute":
        with np.errstate(divide="ignore", invalid="ignore"):
            worse = worse / np.abs(levels)

    known = np.isfinite(worse)
    if not known.any():
        return None

    names = row["nodes"][0].to_numpy().astype(str)[known]
    names, nodes = np.unique(names, return_inverse=True)
    hosts = {word: row[name][0].to_numpy().astype(str)[known] for name, word in HOST.items()}
    return _Compared(about, names, nodes, nights[known], worse[known], hosts)


def _causes(compared: _Compared, node: int) -> str:
    """What the node has by its last run that is not what most others had then."""
    last = int(np.flatnonzero(compared.nodes == node)[-1])
    before = np.flatnonzero(compared.nights <= compared.nights[last])
    found = []
    for word, values in compared.hosts.items():
        others = {compared.nodes[run]: str(values[run]) for run in before if values[run]}
        mine = others.pop(node, "")
        if mine and others:
            usual = Counter(others.values()).most_common(1)[0][0]
            found += [f"{word} {mine}, {usual} on most others"] if usual != mine else []

    return "; ".join(found)


def _finding(compared: _Compared, kind: str, outlier: Outlier) -> NodeFinding:
    about = compared.about
    higher_is_worse = kind == UNSTEADY or about["better"] == "lower"
    first = int(np.flatnonzero(compared.nodes == outlier.node)[0])
    since: date = compared.nights[outlier.start].item()
    return NodeFinding(
        kind=kind,
        confirmed=outlier.confirmed,
        system=about["system"],
        partition=about["partition"],
        node=str(compared.names[outlier.node]),
        name=about["name"],
        metric=about["metric"],
        unit=about["unit"],
        comparison=about["comparison"],
        difference=outlier.size if higher_is_worse else -outlier.size,
        score=outlier.score,
        chance=outlier.chance,
        since=since,
        throughout=outlier.start == first,
        bad=outlier.bad,
        runs=outlier.runs,
        causes=_causes(compared, outlier.node),
    )
