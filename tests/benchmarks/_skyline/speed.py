"""Training speed, the published way and the suite's in turn, beside what the machine can do."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras

from tests.benchmarks._skyline import published
from tests.benchmarks._skyline.machine import Cost, cost_of, has_bfloat16, matrix_product_flops
from tests.benchmarks._skyline.suite import Run
from workloads.common.devices import Devices
from workloads.common.flops import training_flops
from workloads.common.progress import Advance
from workloads.skyline.model import build

PUBLISHED = "published way"
INPUT, COMPUTE = "its input alone", "its computing alone"
FLOAT32, BFLOAT16 = "suite, float32", "suite, bfloat16"
STEPS_COMPUTED_ALONE = 40
# Images per CPU-second of the published way and of its computing alone, as measured before.
NOTED_RATIO, TOLERANCE = 3_669 / 4_965, 0.15


@dataclass
class Speeds:
    """The rounds of every way: what each cost, and how many images it trained on or read.

    `on_gpu`: then rates are by the clock, else by the time of all processors together.
    """

    on_gpu: bool
    images: dict[str, int] = field(default_factory=dict)
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    matrix_flops: int = 0
    matrix_costs: list[Cost] = field(default_factory=list)

    def by_the_clock(self, way: str) -> float:
        """Images a second."""
        return statistics.median(self.images[way] / cost.wall for cost in self.costs[way])

    def by_processors(self, way: str) -> float:
        """Images per CPU-second."""
        return statistics.median(self.images[way] / cost.cpu for cost in self.costs[way])

    def ratio(self, way: str, other: str) -> float:
        """How many times as fast one way is as another: the median of the rounds' ratios."""
        rates = (
            [self.images[each] / self._seconds(cost) for cost in self.costs[each]]
            for each in (way, other)
        )
        return statistics.median(one / two for one, two in zip(*rates, strict=True))

    def flops_per_second(self, way: str) -> float:
        """Operations that the model needs at the rate of a way, a second."""
        flops = training_flops(build("original"), published.SHAPE) * self.images[way]
        return statistics.median(flops / self._seconds(cost) for cost in self.costs[way])

    def matrix_rate(self) -> float:
        """Operations that large float32 matrix products make, a second."""
        return self.matrix_flops / statistics.median(map(self._seconds, self.matrix_costs))

    def is_reproduced(self) -> bool:
        """Whether the parts of the published way stand to each other as noted."""
        return abs(self.ratio(PUBLISHED, COMPUTE) / NOTED_RATIO - 1) <= TOLERANCE

    def _seconds(self, cost: Cost) -> float:
        return cost.wall if self.on_gpu else cost.cpu


def measure(devices: Devices, root: Path, packed: Path, rounds: int, advance: Advance) -> Speeds:
    """Let all ways take turns for some rounds, each after a warm-up."""
    speeds = Speeds(on_gpu=devices.gpus > 0)
    works = _works(devices, root, packed, speeds.images)
    speeds.matrix_flops, multiply = matrix_product_flops()
    for _ in range(rounds):
        for way, work in works.items():
            speeds.costs.setdefault(way, []).append(cost_of(work))
        speeds.matrix_costs.append(cost_of(multiply))
        advance(1)
    return speeds


def _works(
    devices: Devices, root: Path, packed: Path, images: dict[str, int]
) -> dict[str, Callable[[], object]]:
    """What each way does in a round, warmed up; notes the images of each in `images`."""
    keras.config.set_dtype_policy("float32")
    model = published.network()
    batches = published.pipeline(root, "training")
    model.fit(batches.take(4), epochs=1, shuffle=False, verbose=0)
    alone = published.network()
    published.compute_alone(alone, 2)()
    works: dict[str, Callable[[], object]] = {
        PUBLISHED: published.epoch(model, batches),
        INPUT: published.input_alone(batches),
        COMPUTE: published.compute_alone(alone, STEPS_COMPUTED_ALONE),
    }
    runs = {FLOAT32: Run(devices, packed)}
    if has_bfloat16(devices):
        runs[BFLOAT16] = Run(devices, packed, precision="mixed_bfloat16")
    for way, run in runs.items():
        run.epoch()
        works[way] = run.epoch
    epoch = batches.cardinality().numpy() * published.BATCH
    images.update(dict.fromkeys(works, epoch))
    images[COMPUTE] = STEPS_COMPUTED_ALONE * published.BATCH
    return works
