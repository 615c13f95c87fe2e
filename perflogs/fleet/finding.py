"""What is said of one node."""

from dataclasses import dataclass
from datetime import date

WORSE, UNSTEADY, DIFFERENT = "worse than its peers", "unsteady", "computes differently"
FAILING = "fails where its peers pass"


@dataclass(frozen=True)
class NodeFinding:
    """A node that differs from its peers in one metric of one case, since a night.

    `kind` is WORSE, UNSTEADY, DIFFERENT, or FAILING, which is of no metric. `difference` is a
    fraction where the metric is compared relatively, else in its unit: of a worse node from the
    level of its peers (signed as the metric is), of an unsteady one the standard deviation of its
    runs, of one that computes differently its value less that of the others, of a failing one the
    share of its runs. `score` tells how far that is out of the ordinary: in standard
    deviations, for an unsteady node in multiples of its peers' scatter, else 0. `chance` is how
    many such nodes one look at this fleet would find by chance. `throughout` says that all runs
    that were looked at were like this: it may have begun earlier. `causes` is what the node has
    different from most others, in words, `reason` why its last run failed."""

    kind: str
    confirmed: bool
    system: str
    partition: str
    node: str
    name: str
    metric: str
    unit: str
    comparison: str
    difference: float
    score: float
    chance: float
    since: date
    throughout: bool
    bad: int
    runs: int
    value: float | None = None
    expected: float | None = None
    causes: str = ""
    reason: str = ""

    @property
    def place(self) -> str:
        """System and partition, as `pearl:gpu`."""
        return f"{self.system}:{self.partition}"

    @property
    def certainty(self) -> str:
        """`confirmed` or `suspect`."""
        return "confirmed" if self.confirmed else "suspect"
