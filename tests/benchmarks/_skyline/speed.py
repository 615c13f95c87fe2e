"""Training speed, the published way and the suite's in turn, beside what the machine can do."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import keras

from tests.benchmarks._shared.machine import Cost, cost_of, has_bfloat16, matrix_product_flops
from tests.benchmarks._shared.rounds import Clock, Rounds
from tests.benchmarks._shared.verdicts import Verdict, proportion
from tests.benchmarks._skyline import published
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
NOTED_RATIO = 3_669 / 4_965


@dataclass
class Speeds(Rounds):
    """The rounds of every way: what each cost, and how many images it trained on or read.

    `on_gpu`: then ways are judged by the clock, else by the time of all processors together.
    """

    on_gpu: bool = False
    matrix_flops: int = 0
    matrix_costs: list[Cost] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """By which ways are judged."""
        return "wall" if self.on_gpu else "cpu"

    def flops_per_second(self, way: str) -> float:
        """Operations that the model needs at the rate of a way, a second."""
        return training_flops(build("original"), published.SHAPE) * self.rate(way, self.clock)

    def matrix_rate(self) -> float:
        """Operations that large float32 matrix products make, a second."""
        costs = [getattr(cost, self.clock) for cost in self.matrix_costs]
        return self.matrix_flops / statistics.median(costs)

    def reproduction(self) -> Verdict:
        """Whether the parts of the published way stand to each other as noted."""
        return proportion(
            "training speed: the published way makes {} times the images per CPU-second of its "
            "computing alone",
            self.ratio(PUBLISHED, COMPUTE, self.clock),
            NOTED_RATIO,
        )


def measure(devices: Devices, root: Path, packed: Path, rounds: int, advance: Advance) -> Speeds:
    """Let all ways take turns for some rounds, each after a warm-up."""
    speeds = Speeds(on_gpu=devices.gpus > 0)
    works = _works(devices, root, packed, speeds.done)
    speeds.matrix_flops, multiply = matrix_product_flops()
    for _ in range(rounds):
        speeds.turn(works)
        speeds.matrix_costs.append(cost_of(multiply))
        advance(1)
    return speeds


def _works(
    devices: Devices, root: Path, packed: Path, images: dict[str, float]
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
