"""Finds nodes whose device, driver, kernel or firmware is not that of their peers."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from perflogs.fleet.observations import MADE, SINGLE
from perflogs.history import History

_WHAT = {
    "device": "device",
    "driver_version": "driver",
    "kernel_version": "kernel",
    "firmware_version": "firmware",
}


@dataclass(frozen=True)
class Drift:
    """The nodes of one partition by what they have, most nodes first."""

    system: str
    partition: str
    what: str
    nodes_of: dict[str, list[str]]


def drift(history: History, since: date) -> list[Drift]:
    """Whatever differs between the nodes of a partition, by the last run of each alone after the
    night `since`."""
    made = history.runs.filter(SINGLE & MADE & (pl.col("night") > since))
    devices = pl.col("key").map_elements(_device, return_dtype=pl.String)
    named = made.with_columns(device=devices) if len(made) else made.with_columns(device=pl.lit(""))
    found = []
    for (system, partition), runs in named.group_by("system", "partition", maintain_order=True):
        for column, what in _WHAT.items():
            nodes_of = _nodes_of(runs, column)
            if len(nodes_of) > 1:
                found.append(Drift(str(system), str(partition), what, nodes_of))

    return found


def _device(key: str) -> str:
    return str(json.loads(key or "{}").get("device_name", ""))


def _nodes_of(runs: pl.DataFrame, column: str) -> dict[str, list[str]]:
    last = (
        runs.filter(pl.col(column) != "").group_by("nodes").agg(pl.col(column).last()).sort("nodes")
    )
    found: dict[str, list[str]] = defaultdict(list)
    for node, value in last.iter_rows():
        found[value].append(node)

    return dict(_most_first(found))


def _most_first(found: dict[str, list[str]]) -> Iterator[tuple[str, list[str]]]:
    yield from sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
