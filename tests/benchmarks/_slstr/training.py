"""Training speed: the published way and the suite's, beside what matrix products allow."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.table import Table

from tests.benchmarks._shared.machine import has_bfloat16, matrix_product_flops
from tests.benchmarks._shared.rounds import Rounds
from tests.benchmarks._shared.verdicts import Verdict, at_least, at_most, proportion
from tests.benchmarks._slstr import published, published_training
from tests.benchmarks._slstr.published_training import BATCH
from tests.benchmarks._slstr.scenes import SEED, Scenes
from workloads.common.construction import make_adam, make_model
from workloads.common.devices import Devices
from workloads.common.flops import training_flops
from workloads.common.inputs import Feed, training_plan
from workloads.common.overlap import map_ahead
from workloads.common.progress import Advance
from workloads.common.steps import Call, Stepper
from workloads.common.timing import StepClock
from workloads.slstr.hdf_scenes import find_scene_files
from workloads.slstr.model import LEARNING_RATE, NORMALISATION, build
from workloads.slstr.objective import CloudMasking
from workloads.slstr.patch_feeds import Caching, SplitScenes, open_feeds
from workloads.slstr.presets import PRESETS

FIRST, CACHED = "published way, first epoch", "published way, cached epoch"
COMPUTE = "its computing alone"
FLOAT32, BFLOAT16 = "suite, float32", "suite, bfloat16"
PRODUCTS = {FLOAT32: "matrix products, float32", BFLOAT16: "matrix products, bfloat16"}
PRECISIONS = {FLOAT32: "float32", BFLOAT16: "mixed_bfloat16"}
# Patches a second, as measured before.
NOTED = {FIRST: 5.0, CACHED: 5.5, COMPUTE: 5.55}
LEAST_UTILISATION, LEAST_BFLOAT16_RATIO, MOST_STALL = 0.70, 1.9, 0.05
SCENES_PUBLISHED, SCENES_OF_SUITE = 4, 2
STEPS_COMPUTED_ALONE = 5
PRODUCTS_A_ROUND = 100


@dataclass
class Run:
    """One training in progress as the suite makes it, on the first so many scenes of a folder."""

    devices: Devices
    converted: Path
    scenes: int
    precision: str
    stalls: StepClock = field(init=False)
    stepper: Stepper = field(init=False)
    feed: Feed = field(init=False)
    call: Call = field(init=False)

    def __post_init__(self) -> None:
        files = find_scene_files(self.converted)
        split = SplitScenes(files[: self.scenes], files[-1:])
        model = make_model(self.devices, build, SEED, self.precision)
        model.get_layer(NORMALISATION).set_moments(split.moments)
        adam = make_adam(self.devices, LEARNING_RATE, self.precision)
        steps = PRESETS["nightly"]().steps_per_execution
        objective = CloudMasking(split.packing)
        self.stepper = Stepper(self.devices, model, adam, objective, BATCH, steps)
        caching = Caching("memory", self.converted)
        self.feed, _ = open_feeds(self.devices, split, SEED, BATCH, caching)
        self.call = self.stepper.trainer(self.feed)
        self._epochs = map_ahead(self._open, itertools.count(), threads=1, ahead=1)
        self.patches = len(self._plans(0)[0].positions) * BATCH
        # The first epoch reads what the others find in the cache.
        self.stalls = StepClock(warmup_steps=self.patches // BATCH)

    def epoch(self) -> None:
        """Train for one more epoch."""
        before = time.perf_counter()
        for arguments, steps in next(self._epochs):
            stalled = time.perf_counter() - before
            self.call(arguments, steps)
            now = time.perf_counter()
            self.stalls.add(now - before, stalled, steps, steps * BATCH)
            before = now

    def close(self) -> None:
        """End the reading ahead."""
        self._epochs.close()

    def _open(self, number: int) -> Iterator[tuple[Any, int]]:
        calls = self.feed.begin(self._plans(number), self.stepper.steps_per_call)
        return itertools.chain([next(calls)], calls)

    def _plans(self, number: int) -> list[Any]:
        return [training_plan(share, BATCH, number) for share in self.feed.shares]


@dataclass
class Speeds(Rounds):
    """Rounds in patches, for matrix products in what they would make of these, and stalls."""

    stalls: dict[str, float] = field(default_factory=dict)

    def verdicts(self) -> list[Verdict]:
        """Of every bound, after whether the published way is reproduced."""
        reproduced = [
            proportion(
                f"training: {way} makes {{}} times the patches a second of {other}",
                self.ratio(way, other, "wall"),
                NOTED[way] / NOTED[other],
            )
            for way, other in ((FIRST, CACHED), (CACHED, COMPUTE))
        ]
        verdicts = [*reproduced]
        for way, product in PRODUCTS.items():
            if way not in self.costs:
                text = f"training: {way}: the processor has no arithmetic for it"
                verdicts.append(Verdict(text, None))
                continue
            name = f"training: {way}: "
            utilisation = self.ratio(way, product, "wall")
            stall = self.stalls[way]
            verdicts += [
                at_least(f"{name}model FLOP utilisation {{}}", utilisation, LEAST_UTILISATION),
                at_most(f"{name}input stall {{}} after the first epoch", stall, MOST_STALL),
            ]
        if BFLOAT16 in self.costs:
            verdicts.append(
                at_least(
                    f"training: {BFLOAT16}: {{}} times the rate of the {CACHED}",
                    self.ratio(BFLOAT16, CACHED, "wall"),
                    LEAST_BFLOAT16_RATIO,
                    judges=not any(verdict.refused for verdict in reproduced),
                )
            )
        return verdicts

    def table(self) -> Table:
        """Patches a second, way by way."""
        columns = ("patches/s", "patches per CPU-second", "× published, cached", "input stall")
        table = Table("training", *columns)
        for way in self.costs:
            table.add_row(
                way,
                f"{self.rate(way, 'wall'):.2f}",
                f"{self.rate(way, 'cpu'):.2f}",
                f"{self.ratio(way, CACHED, 'wall'):.2f}",
                f"{self.stalls[way]:.1%}" if way in self.stalls else "",
            )
        return table


def measure(devices: Devices, scenes: Scenes, rounds: int, advance: Advance) -> Speeds:
    """Let the ways take turns, each with what it keeps in memory of its own."""
    found = Speeds()
    ways = [FLOAT32, *([BFLOAT16] if has_bfloat16(devices) else [])]
    works = _published_works(scenes, found.done)
    runs = {way: Run(devices, scenes.converted, SCENES_OF_SUITE, PRECISIONS[way]) for way in ways}
    flops = training_flops(
        published.network(), (published.SIDE, published.SIDE, published.CHANNELS)
    )
    for way, run in runs.items():
        run.epoch()
        works[way], found.done[way] = run.epoch, run.patches
        dtype = PRECISIONS[way].removeprefix("mixed_")
        products, works[PRODUCTS[way]] = matrix_product_flops(PRODUCTS_A_ROUND, dtype)
        found.done[PRODUCTS[way]] = products / flops
    for _ in range(rounds):
        found.turn(works)
        advance(1)
    for way, run in runs.items():
        found.stalls[way] = run.stalls.figures()["input_stall_fraction"]
        run.close()
    return found


def _published_works(scenes: Scenes, done: dict[str, float]) -> dict[str, Callable[[], object]]:
    """What the published way does in a round; notes the patches of each in `done`."""
    paths = scenes.published(SCENES_PUBLISHED)
    loop = published_training.Loop()
    batches: list[tf.data.Dataset] = []

    def first_epoch() -> None:
        batches[:] = [published_training.pipeline(paths)]
        done[FIRST] = done[CACHED] = loop.epoch(batches[0])

    compute = loop.compute_alone(STEPS_COMPUTED_ALONE)
    loop.compute_alone(1)()
    done[COMPUTE] = STEPS_COMPUTED_ALONE * BATCH
    return {FIRST: first_epoch, CACHED: lambda: loop.epoch(batches[0]), COMPUTE: compute}
