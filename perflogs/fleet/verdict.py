"""What is said of the nodes of a history, all in all."""

from dataclasses import dataclass
from datetime import date

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.fleet.coverage import Coverage, coverage
from perflogs.fleet.differing import NoMajority, differing_nodes
from perflogs.fleet.drift import Drift, drift
from perflogs.fleet.failing import nodes_that_fail
from perflogs.fleet.finding import NodeFinding
from perflogs.fleet.outlying import outlying_nodes
from perflogs.history import History


@dataclass(frozen=True)
class FleetVerdict:
    """Everything about the nodes from runs after the night `since` up to the night `newest`.

    `findings` are sorted: confirmed ones first, then by how far they are out of the ordinary.
    `judged` are the nodes that could be compared with peers, as (system, partition, node)."""

    since: date
    newest: date
    findings: list[NodeFinding]
    undecided: list[NoMajority]
    coverage: list[Coverage]
    drift: list[Drift]
    judged: frozenset[tuple[str, ...]]

    @property
    def confirmed(self) -> list[NodeFinding]:
        """The findings that are confirmed."""
        return [each for each in self.findings if each.confirmed]

    @property
    def exit_code(self) -> int:
        """1 where a node is confirmed, 4 where none could be compared, else 0."""
        if self.confirmed:
            return REGRESSED

        return CLEAN if self.judged else NOT_JUDGED


def judge_fleet(
    history: History, since: date, newest: date, total: int | None = None
) -> FleetVerdict:
    """Judges all nodes by their runs after the night `since`. `total` is how many nodes the
    partitions have, where somebody says so."""
    outlying, compared = outlying_nodes(history, since)
    differing, undecided, computed = differing_nodes(history, since)
    failing, passed = nodes_that_fail(history, since)
    # The session fails a node for what it computes: that is said already.
    known = {(each.place, each.node, each.name) for each in differing}
    failing = [each for each in failing if (each.place, each.node, each.name) not in known]
    findings = sorted(
        [*outlying, *differing, *failing],
        key=lambda each: (not each.confirmed, each.chance, -each.score, each.node, each.metric),
    )
    return FleetVerdict(
        since,
        newest,
        findings,
        undecided,
        coverage(history, since, total),
        drift(history, since),
        frozenset(compared | computed | passed),
    )
