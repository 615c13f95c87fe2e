"""The comparison of match-ups, beside a plain median of the same differences."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from tests.benchmarks._shared.rounds import Rounds
from tests.benchmarks._shared.verdicts import Verdict, at_most
from workloads.common.progress import Advance
from workloads.slstr.sst import compare

MEDIAN, COMPARISON = "np.median of the differences", "comparison of three groups"
MATCHUPS = 1_000_000
MOST_MEDIANS = 3.0
SEED = 1
# A single one takes milliseconds.
TIMES_A_ROUND = 20


@dataclass
class Comparisons(Rounds):
    """Rounds in match-ups."""

    def verdicts(self) -> list[Verdict]:
        """Of the only bound."""
        text = f"sst_comp: {{}} times the time of {MEDIAN}, {MATCHUPS:,} match-ups"
        return [at_most(text, self.ratio(MEDIAN, COMPARISON, "wall"), MOST_MEDIANS)]

    def table(self) -> Table:
        """Milliseconds, way by way."""
        table = Table("sst_comp", "wall ms", "CPU ms", "× the median's time")
        for way in self.costs:
            table.add_row(
                way,
                *(f"{1e3 * MATCHUPS / self.rate(way, clock):.2f}" for clock in ("wall", "cpu")),
                f"{self.ratio(MEDIAN, way, 'wall'):.2f}",
            )
        return table


def measure(rounds: int, advance: Advance) -> Comparisons:
    """Let the two take turns on match-ups of which a third are cooled by cloud."""
    rng = np.random.default_rng(SEED)
    buoy = rng.normal(290.0, 8.0, MATCHUPS).astype(np.float32)
    cloudy = rng.random(MATCHUPS) < 1 / 3
    error = rng.normal(0.0, 0.4, MATCHUPS) - cloudy * rng.exponential(10.0, MATCHUPS)
    satellite = (buoy + error).astype(np.float32)
    network_clear, operational_clear = (
        cloudy == (rng.random(MATCHUPS) < wrong) for wrong in (0.05, 0.1)
    )
    differences = satellite - buoy
    works = {
        MEDIAN: lambda: np.median(differences),
        COMPARISON: lambda: compare(satellite, buoy, network_clear, operational_clear),
    }
    found = Comparisons(dict.fromkeys(works, TIMES_A_ROUND * MATCHUPS))
    repeated = {way: _repeated(work) for way, work in works.items()}
    for work in works.values():
        work()
    for _ in range(rounds):
        found.turn(repeated)
        advance(1)
    return found


def _repeated(work: Callable[[], object]) -> Callable[[], None]:
    def repeat() -> None:
        for _ in range(TIMES_A_ROUND):
            work()

    return repeat
