"""How fast skylines are extracted from photographs: reading and writing included."""

import statistics
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks._shared.machine import Cost, cost_of, matrix_product_flops
from tests.benchmarks._skyline.suite import make_stepper
from workloads.common.devices import Devices
from workloads.common.flops import forward_flops
from workloads.common.inference import compiled, run_compiled
from workloads.common.progress import Advance
from workloads.skyline.extracting import Extraction, extract_all, warm_up
from workloads.skyline.geometry import padded_width
from workloads.skyline.networks import on_photographs
from workloads.skyline.photographs import find_photographs

LONGEST_SIDE = 640
HEIGHT, WIDTH = 240, 320


@dataclass
class Extractions:
    """What extracting `photographs` cost in each round, beside large matrix products."""

    photographs: int
    flops_per_photograph: int
    matrix_flops: int
    costs: list[Cost] = field(default_factory=list)
    matrix_costs: list[Cost] = field(default_factory=list)

    def by_the_clock(self) -> float:
        """Photographs a second."""
        return statistics.median(self.photographs / cost.wall for cost in self.costs)

    def by_processors(self) -> float:
        """Photographs per CPU-second."""
        return statistics.median(self.photographs / cost.cpu for cost in self.costs)

    def limit(self) -> float:
        """Photographs a second if the network alone ran, as fast as large matrix products do."""
        rate = statistics.median(self.matrix_flops / cost.wall for cost in self.matrix_costs)
        return rate / self.flops_per_photograph


def measure(
    devices: Devices, root: Path, scratch: Path, rounds: int, advance: Advance
) -> Extractions:
    """Extract all testing photographs in each round; matrix products take turns with that.

    The network is untrained, which takes as long.
    """
    model = make_stepper(devices, seed=1).model
    infer = run_compiled(compiled(on_photographs(model)))
    photographs = find_photographs([root / "photographs" / "testing"], scratch)
    matrix_flops, multiply = matrix_product_flops()
    flops = forward_flops(model, (HEIGHT, padded_width(WIDTH), 3))
    found = Extractions(len(photographs), flops, matrix_flops)
    warm_up(infer)
    for number in range(rounds):
        work = Extraction(infer, scratch / str(number), {}, LONGEST_SIDE)
        found.costs.append(
            cost_of(lambda work=work: deque(extract_all(work, photographs), maxlen=0))
        )
        found.matrix_costs.append(cost_of(multiply))
        advance(1)
    return found
