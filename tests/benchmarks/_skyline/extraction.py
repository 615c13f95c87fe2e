"""How fast skylines are extracted from photographs: reading and writing included."""

import statistics
from collections import deque
from pathlib import Path

from tests.benchmarks._skyline.machine import Cost, cost_of
from tests.benchmarks._skyline.suite import make_stepper
from workloads.common.devices import Devices
from workloads.common.inference import compiled, run_compiled
from workloads.common.progress import Advance
from workloads.skyline.extracting import Extraction, extract_all, warm_up
from workloads.skyline.networks import on_photographs
from workloads.skyline.photographs import find_photographs

LONGEST_SIDE = 640


def measure(
    devices: Devices, root: Path, scratch: Path, rounds: int, advance: Advance
) -> tuple[int, list[Cost]]:
    """How many testing photographs there are, and what extracting all of them cost each time.

    The network is untrained, which takes as long.
    """
    infer = run_compiled(compiled(on_photographs(make_stepper(devices, seed=1).model)))
    photographs = find_photographs([root / "photographs" / "testing"], scratch)
    warm_up(infer)
    costs = []
    for number in range(rounds):
        extraction = Extraction(infer, scratch / str(number), {}, LONGEST_SIDE)
        costs.append(
            cost_of(lambda work=extraction: deque(extract_all(work, photographs), maxlen=0))
        )
        advance(1)
    return len(photographs), costs


def rates(photographs: int, costs: list[Cost]) -> tuple[float, float]:
    """Photographs a second by the clock and per CPU-second, medians."""
    wall = statistics.median(photographs / cost.wall for cost in costs)
    return wall, statistics.median(photographs / cost.cpu for cost in costs)
