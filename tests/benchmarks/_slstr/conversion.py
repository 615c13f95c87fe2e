"""Conversion: what a scene costs the published way and the suite, and what both have to do."""

import math
import shutil
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
from rich.table import Table

from tests.benchmarks._shared import memory, stages
from tests.benchmarks._shared.machine import Cost
from tests.benchmarks._shared.rounds import Rounds
from tests.benchmarks._shared.verdicts import Verdict, at_least, at_most, proportion
from tests.benchmarks._slstr import published_conversion
from tests.benchmarks._slstr.scenes import Scenes, linked
from workloads.common.pool import available_processors
from workloads.common.progress import Advance
from workloads.slstr.product import SOLAR_CHANNELS, THERMAL_CHANNELS, solar_file, thermal_file
from workloads.slstr.scene_hdf import Settings
from workloads.slstr.scene_reading import Scene
from workloads.slstr.stages.convert_hdf import convert_scene

PUBLISHED = "published way"
READING, INFLATING = "its variables read by h5py", "its chunks inflated by zlib"
ONE, TWO = "suite, one process", "suite, two workers"
# CPU-seconds of a scene, as measured before: the published way, and what no reader can avoid.
NOTED_RATIO = 4.06 / 0.257
LEAST_CPU_RATIO, LEAST_WALL_RATIO = 9.0, 16.0
MOST_MEGABYTES, MOST_MEBIBYTES = 75.0, 1_024.0
WORKERS = 2
SCENES_PUBLISHED, SCENES_OF_TWO = 2, 20
# Memory is that of so many scenes, of a few and of several times as many.
SCENES_OF_MEMORY = (2, 6)


@dataclass
class Conversions(Rounds):
    """Rounds in scenes, the `megabytes` of one file, and memory in bytes by number of scenes."""

    megabytes: float = 0.0
    memory: dict[int, int] = field(default_factory=dict)

    def verdicts(self) -> list[Verdict]:
        """Of every bound, after whether the published way is reproduced."""
        reproduced = proportion(
            "conversion: the published way takes {} times the CPU time of inflating alone",
            self.ratio(INFLATING, PUBLISHED, "cpu"),
            NOTED_RATIO,
        )
        judges = not reproduced.refused
        less = f"{{}} times less wall time with {WORKERS} workers"
        held = f"conversion with {WORKERS} workers: {{}} MiB of memory for"
        return [
            reproduced,
            at_least(
                "conversion: {} times less CPU time a scene than the published way",
                self.ratio(ONE, PUBLISHED, "cpu"),
                LEAST_CPU_RATIO,
                judges,
            ),
            at_least(
                f"conversion: {less} a scene than the published way",
                self.ratio(TWO, PUBLISHED, "wall"),
                LEAST_WALL_RATIO,
                judges and available_processors() >= WORKERS,
            ),
            at_most("conversion: {} MB a scene as float32", self.megabytes, MOST_MEGABYTES),
            *(
                at_most(f"{held} {scenes} scenes", peak / 2**20, MOST_MEBIBYTES)
                for scenes, peak in self.memory.items()
            ),
        ]

    def table(self) -> Table:
        """What a scene takes, way by way."""
        columns = ("wall s a scene", "CPU s a scene", "× published, wall", "× published, CPU")
        table = Table("conversion", *columns)
        for way in self.costs:
            cells = [f"{1 / self.rate(way, 'wall'):.3f}", f"{1 / self.rate(way, 'cpu'):.3f}"]
            cells += [f"{self.ratio(way, PUBLISHED, clock):.1f}" for clock in ("wall", "cpu")]
            # Of other processes the processors' time is not known.
            table.add_row(way, *(cell.replace("nan", "") for cell in cells))
        return table


def measure(scenes: Scenes, scratch: Path, rounds: int, advance: Advance) -> Conversions:
    """Let the ways take turns, on files that the first of them has brought into the page cache."""
    found = Conversions()
    originals, output = scenes.unpacked, scratch / "converted"
    works = {
        PUBLISHED: lambda: _publish(originals[:SCENES_PUBLISHED], output),
        READING: lambda: _read(originals),
        INFLATING: lambda: _inflate(originals),
        ONE: lambda: _convert(originals, output),
    }
    found.done = dict.fromkeys((*works, TWO), len(originals))
    found.done |= {PUBLISHED: SCENES_PUBLISHED, TWO: SCENES_OF_TWO}
    many = _stage(linked(originals, scratch / "many", SCENES_OF_TWO), output)
    _read(originals)
    found.megabytes = _convert(originals, output) / 1e6
    _publish(originals[:1], output)

    def tidy() -> None:
        shutil.rmtree(output, ignore_errors=True)

    tidy()
    for _ in range(rounds):
        found.turn(works, tidy)
        # Its own clock: the others pay for no start of Python either.
        seconds = SCENES_OF_TWO / stages.run("slstr", *many)["scenes_per_second"]
        found.costs.setdefault(TWO, []).append(Cost(seconds, math.nan))
        tidy()
        advance(1)
    for number in SCENES_OF_MEMORY:
        folder = linked(originals, scratch / f"memory-{number}", number)
        found.memory[number] = memory.peak_bytes("slstr", *_stage(folder, output))
        tidy()
    return found


def _stage(scenes: Path, output: Path) -> list[object]:
    """The arguments of the stage that converts a folder of full scenes."""
    return ["convert_hdf", scenes, output, "--workers", WORKERS, "--preset", "nightly"]


def _publish(scenes: list[Scene], output: Path) -> None:
    output.mkdir(exist_ok=True)
    for scene in scenes:
        published_conversion.convert(scene.folder, output / f"{scene.name}.hdf")


def _convert(scenes: list[Scene], output: Path) -> int:
    """Convert as the stage does in one process; the bytes of the largest file."""
    return max(
        convert_scene(scene, output, Settings(), keep_going=False).written for scene in scenes
    )


def _read(scenes: list[Scene]) -> None:
    deque((variable[...] for variable in _variables(scenes)), maxlen=0)


def _inflate(scenes: list[Scene]) -> None:
    for variable in _variables(scenes):
        for chunk in variable.iter_chunks():
            place = tuple(each.start for each in chunk)
            zlib.decompress(variable.id.read_direct_chunk(place)[1])


def _variables(scenes: list[Scene]) -> Iterator[h5py.Dataset]:
    """The variables that the published way takes from each scene, once."""
    wanted = [(thermal_file(each), f"{each}_BT_in") for each in THERMAL_CHANNELS]
    wanted += [(solar_file(each), f"{each}_radiance_an") for each in SOLAR_CHANNELS]
    wanted += [("flags_in.nc", name) for name in ("confidence_in", "bayes_in")]
    for scene in scenes:
        for file_name, name in wanted:
            with h5py.File(scene.folder / file_name) as file:
                yield file[name]
