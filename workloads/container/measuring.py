"""What is measured on both sides: starts, imports and trainings."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from workloads.common.errors import RunFailed
from workloads.common.progress import Advance
from workloads.container.agreement import require_image, require_same
from workloads.container.children import Finished
from workloads.container.interleaving import interleaved
from workloads.container.sides import Side
from workloads.container.told import Told, told
from workloads.container.trainings import Places, Training, Words

Value = TypeVar("Value")

_NOTHING = "pass"
_IMPORT = (
    "import time; started = time.perf_counter(); import tensorflow; "
    "print(time.perf_counter() - started)"
)
#: A start, an import and a training, on either side.
MEASUREMENTS_OF_A_PAIR = 6


@dataclass(frozen=True)
class Pairs:
    """A value of either side in every pair."""

    native: list[float]
    image: list[float]


@dataclass(frozen=True)
class Measured:
    """Everything, in seconds and images a second; `native` and `image` are their first trainings.

    `first_start` is that of the image when nothing in it had been started here before.
    """

    first_start: float
    starts: Pairs
    imports: Pairs
    throughputs: Pairs
    native: Told
    image: Told


@dataclass(frozen=True)
class Bench:
    """Two sides, and what to train on both: `common` are the arguments that all stages have,
    `computing` those of the training alone. `folder`, which both sides see, is for logs."""

    native: Side
    image: Side
    workload: str
    training: Training
    places: Places
    common: Words
    computing: Words
    folder: Path

    def prepare(self) -> None:
        """Prepare the data, natively. Errors as of `run_child`."""
        for words in self.training.prepare(self.places):
            self._stage(self.native, words, words[0], words[0])

    def measure(self, pairs: int, advance: Advance) -> Measured:
        """Measure so many pairs; `advance` is told of each measurement.

        Raises UnusableInput and RunFailed where a child fails, with its reason, and RunFailed where
        the trainings do not all come to the same result.
        """
        first_start = self._start(self.image, 0)
        starts = self._both(pairs, self._start, advance)
        imports = self._both(pairs, self._import, advance)
        native, image = self._trainings(pairs, advance)
        throughputs = ([each.figure("throughput") for each in side] for side in (native, image))
        return Measured(
            first_start, Pairs(*starts), Pairs(*imports), Pairs(*throughputs), native[0], image[0]
        )

    def _both(
        self, pairs: int, measure: Callable[[Side, int], Value], advance: Advance
    ) -> tuple[list[Value], list[Value]]:
        def on(side: Side) -> Callable[[int], Value]:
            def measured(pair: int) -> Value:
                value = measure(side, pair)
                advance(1)
                return value

            return measured

        return interleaved(pairs, on(self.native), on(self.image))

    def _trainings(self, pairs: int, advance: Advance) -> tuple[list[Told], list[Told]]:
        done: list[Told] = []

        def train(side: Side, pair: int) -> Told:
            done.append(self._train(side, pair))
            require_image(done[-1], side is self.image)
            require_same(done[0], done[-1], f"run {pair} {side.where}")
            return done[-1]

        return self._both(pairs, train, advance)

    def _start(self, side: Side, _pair: int) -> float:
        return self._python(side, "start", _NOTHING).seconds

    def _import(self, side: Side, _pair: int) -> float:
        printed = self._python(side, "import", _IMPORT).stdout.split()
        try:
            return float(printed[-1])
        except (IndexError, ValueError):
            raise RunFailed(f"importing TensorFlow {side.where} printed no seconds") from None

    def _train(self, side: Side, pair: int) -> Told:
        name = f"{side.name}-{pair}"
        output = self.places.folder / name
        words = [*self.training.train(self.places, output), *self.computing]
        finished = self._stage(side, words, f"run {pair} of the training", f"train-{name}")
        shutil.rmtree(output, ignore_errors=True)
        return told(finished.stdout)

    def _python(self, side: Side, name: str, program: str) -> Finished:
        return side.run(name, ["-c", program], self.folder / f"{name}-{side.name}")

    def _stage(self, side: Side, words: Sequence[str], what: str, log: str) -> Finished:
        command = ["-m", f"workloads.{self.workload}", *words, *self.common]
        return side.run(what, command, self.folder / log)
