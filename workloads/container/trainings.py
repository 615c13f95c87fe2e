"""The trainings that can be measured: what has to be there before, and the training itself."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Words = list[str]


@dataclass(frozen=True)
class Places:
    """Where a training finds its data: the dataset that was given, if any, the cache, and the name
    in it of the synthetic one. `folder` is for what is prepared and not kept."""

    data: Path | None
    cache: Path
    synthetic: str
    folder: Path


@dataclass(frozen=True)
class Training:
    """The stages that prepare the data, and the one that trains into a folder: their arguments,
    without those that all stages have."""

    prepare: Callable[[Places], list[Words]]
    train: Callable[[Places, Path], Words]


def _skyline_data(places: Places) -> Words:
    given = ["--data", str(places.data)] if places.data else []
    return [*given, "--cache", str(places.cache)]


def _prepare_skyline(places: Places) -> list[Words]:
    return [["pack", *_skyline_data(places)]]


def _train_skyline(places: Places, output: Path) -> Words:
    return ["train", *_skyline_data(places), "--output", str(output)]


def _prepare_slstr(places: Places) -> list[Words]:
    archive = places.data or places.cache / "slstr" / places.synthetic
    scenes, hdf = (str(places.folder / name) for name in ("scenes", "hdf"))
    drawing = [] if places.data else [["synthesise", str(archive), "--refresh"]]
    unpacking = ["extract", str(archive / "training.txt"), scenes]
    return [*drawing, unpacking, ["convert_hdf", scenes, hdf]]


def _train_slstr(places: Places, output: Path) -> Words:
    return ["train", str(places.folder / "hdf" / "day"), str(output)]


#: By the name of the workload; another one joins by a line.
TRAININGS = {
    "skyline": Training(_prepare_skyline, _train_skyline),
    "slstr": Training(_prepare_slstr, _train_slstr),
}
