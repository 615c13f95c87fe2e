"""How much of each partition has been looked at lately."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

import polars as pl

from perflogs.fleet.observations import MADE, SINGLE
from perflogs.history import History

RECORDED, GIVEN, EVER_SEEN = "recorded", "given", "ever seen"


@dataclass(frozen=True)
class Coverage:
    """The nodes of a partition: how many there are and who says so (`basis`), which had runs of
    their own since, which only took part in runs over several nodes, and which had none, with the
    night on which they were last seen."""

    system: str
    partition: str
    total: int
    basis: str
    alone: frozenset[str]
    together: frozenset[str]
    unseen: dict[str, date]

    @property
    def never_seen(self) -> int:
        """How many nodes the history does not know at all, not even by name."""
        return max(self.total - len(self.alone | self.together | set(self.unseen)), 0)


def coverage(history: History, since: date, given: int | None) -> list[Coverage]:
    """The coverage of each partition by runs after the night `since`. How many nodes it has is
    `given`, or the latest number recorded, or else all that were ever seen."""
    made = history.runs.lazy().filter(
        MADE & (pl.col("nodes") != "") & pl.col("night").is_not_null()
    )
    seen = (
        made.with_columns(alone=SINGLE, node=pl.col("nodes").str.split(","))
        .explode("node")
        .group_by("system", "partition", "node")
        .agg(
            last=pl.col("night").max(),
            alone=(pl.col("alone") & (pl.col("night") > since)).any(),
        )
        .sort("system", "partition", "node")
        .collect()
    )
    recorded = {
        (system, partition): total
        for system, partition, total in history.runs.filter(pl.col("partition_nodes").is_not_null())
        .group_by("system", "partition", maintain_order=True)
        .agg(pl.col("partition_nodes").last())
        .iter_rows()
    }
    return [
        _of_partition(*place, nodes, since, given or recorded.get(place), given is not None)
        for place, nodes in _by_partition(seen).items()
    ]


def _by_partition(seen: pl.DataFrame) -> dict[tuple[str, str], list[tuple[str, date, bool]]]:
    found: dict[tuple[str, str], list[tuple[str, date, bool]]] = defaultdict(list)
    for system, partition, *node in seen.iter_rows():
        found[system, partition].append((node[0], node[1], node[2]))

    return found


def _of_partition(
    system: str,
    partition: str,
    nodes: list[tuple[str, date, bool]],
    since: date,
    total: int | None,
    given: bool,
) -> Coverage:
    basis = EVER_SEEN if total is None else GIVEN if given else RECORDED
    return Coverage(
        system,
        partition,
        len(nodes) if total is None else total,
        basis,
        frozenset(node for node, _, alone in nodes if alone),
        frozenset(node for node, last, alone in nodes if last > since and not alone),
        {node: last for node, last, _ in nodes if last <= since},
    )
