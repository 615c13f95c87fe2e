"""Finds the nodes that compute something else than most others, such as another `loss_step100`."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from perflogs.fleet.finding import DIFFERENT, NodeFinding
from perflogs.fleet.observations import equal_figures
from perflogs.history import History
from perflogs.judging.fingerprints import SOFTWARE

#: A majority is one of so many nodes at least.
FEWEST_NODES = 3
_CONFIRMED_BY = 2
_COMPARABLE = ("system", "environ", "name", "key", "metric", *SOFTWARE)


@dataclass(frozen=True)
class NoMajority:
    """Nodes of which nobody can say which compute rightly: the values, and the nodes of each."""

    system: str
    name: str
    metric: str
    nodes_of: dict[float, list[str]]


def differing_nodes(
    history: History, since: date
) -> tuple[list[NodeFinding], list[NoMajority], set[tuple[str, ...]]]:
    """The nodes whose values differ from those of most nodes with the same device and software in
    runs after the night `since`: one run makes a suspect, two confirm it. Then those cases of which
    more than half of the nodes agree on no value; then all nodes that could be compared, as
    (system, partition, node)."""
    findings: list[NodeFinding] = []
    undecided: list[NoMajority] = []
    judged: set[tuple[str, ...]] = set()
    for _, runs in equal_figures(history, since).group_by(*_COMPARABLE, maintain_order=True):
        nodes = runs["nodes"].unique()
        if len(nodes) < FEWEST_NODES:
            continue

        expected = trusted_value(list(runs.select("nodes", "value").iter_rows()))
        if expected is None:
            undecided.append(_no_majority(runs))
        else:
            findings += _findings(runs, expected)
            judged |= set(runs.select("system", "partition", "nodes").iter_rows())

    return findings, undecided, judged


def trusted_value(runs: list[tuple[str, float]]) -> float | None:
    """The value that more than half of the nodes find; None where there is none. `runs` are pairs
    of a node and what it found; a node speaks for the value that it found in most of its runs."""
    found: dict[str, Counter[float]] = defaultdict(Counter)
    for node, value in runs:
        found[node][value] += 1

    votes: Counter[float] = Counter()
    for own in found.values():
        (value, times), *others = own.most_common(2)
        if not others or times > others[0][1]:
            votes[value] += 1

    best = votes.most_common(1)
    return best[0][0] if best and best[0][1] * 2 > len(found) else None


def _findings(runs: pl.DataFrame, expected: float) -> Iterator[NodeFinding]:
    for _, here in runs.group_by("partition", "nodes", maintain_order=True):
        wrong = here.filter(pl.col("value") != expected)
        if wrong.is_empty():
            continue

        first, last = wrong.row(0, named=True), wrong.row(-1, named=True)
        yield NodeFinding(
            kind=DIFFERENT,
            confirmed=len(wrong) >= _CONFIRMED_BY,
            system=last["system"],
            partition=last["partition"],
            node=last["nodes"],
            name=last["name"],
            metric=last["metric"],
            unit=last["unit"],
            comparison="absolute",
            difference=last["value"] - expected,
            score=0.0,
            chance=0.0,
            since=first["night"],
            throughout=len(wrong) == len(here),
            bad=len(wrong),
            runs=len(here),
            value=last["value"],
            expected=expected,
        )


def _no_majority(runs: pl.DataFrame) -> NoMajority:
    nodes_of: dict[float, list[str]] = {
        value: sorted(set(here["nodes"]))
        for (value,), here in runs.sort("value").group_by("value", maintain_order=True)
    }
    first = runs.row(0, named=True)
    return NoMajority(first["system"], first["name"], first["metric"], nodes_of)
