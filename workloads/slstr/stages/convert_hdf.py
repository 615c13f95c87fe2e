"""The stage `convert_hdf`: every scene becomes one HDF5 file on the 1 km grid."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.pool import available_processors, map_unordered
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run
from workloads.slstr.conversion import convert, source_of
from workloads.slstr.presets import PRESETS
from workloads.slstr.product import SUFFIX
from workloads.slstr.rejected import FILE_NAME, write_rejected
from workloads.slstr.report import close_with_table, record_run_of_slstr
from workloads.slstr.scene_hdf import Settings, finished_file, remove_files, write_scene
from workloads.slstr.scene_reading import BrokenScene, Scene


@dataclass(frozen=True)
class Outcome:
    """What became of a scene: the bytes read and written now, 0 where it was kept; or why not.

    `name` and `source` say what it was made from.
    """

    name: str
    source: str
    read: int = 0
    written: int = 0
    problem: BrokenScene | None = None


def run(options: argparse.Namespace) -> None:
    """Convert the scenes that are not finished yet, and record how fast that went.

    Raises UnusableInput and OSError.
    """
    scenes = _scenes_in(options.input)
    settings = Settings(
        options.packing,
        options.patch_size or PRESETS[options.preset]().patch_size,
        options.geolocation,
    )
    with only_run(options.output), recording("convert_hdf", options.output) as recorder:
        record_run_of_slstr(recorder, options, "h5py", "numba", "deflate")
        recorder.provenance(
            packing=settings.packing,
            patch_size=settings.patch_size,
            geolocation=settings.geolocation,
        )
        started = time.perf_counter()
        outcomes = _convert_all(scenes, options, settings)
        _record(recorder, outcomes, time.perf_counter() - started)
        problems = [each.problem for each in outcomes if each.problem is not None]
        write_rejected(options.output, problems)
        if len(problems) == len(scenes):
            raise UnusableInput(
                f"no scene in {options.input} can be used, {options.output / FILE_NAME} says why: "
                f"the first: {problems[0]}"
            )
    close_with_table(recorder, f"convert_hdf: {options.output}")


def _convert_all(
    scenes: list[Scene], options: argparse.Namespace, settings: Settings
) -> list[Outcome]:
    jobs = [(scene, options.output, settings, options.keep_going) for scene in scenes]
    outcomes = []
    with progress_of("converting", len(jobs), "scenes") as advance:
        workers = options.workers or available_processors()
        for outcome in map_unordered(convert_scene, jobs, workers):
            outcomes.append(outcome)
            advance(1)
    return outcomes


def convert_scene(scene: Scene, output: Path, settings: Settings, keep_going: bool) -> Outcome:
    """Write one scene's file, unless it is finished. BrokenScene is raised unless `keep_going`."""
    source = source_of(scene, settings)
    if finished_file(output, scene.name, settings, source.digest) is not None:
        return Outcome(scene.name, source.digest)
    # What an earlier run made of it with other settings may lie in the folder of the other time of
    # day, and must not stand for a scene that turns out to be broken.
    remove_files(output, scene.name)
    try:
        converted = convert(scene, settings)
    except BrokenScene as problem:
        if not keep_going:
            raise
        return Outcome(scene.name, source.digest, problem=problem)
    path = write_scene(output, converted, settings, source.digest)
    return Outcome(scene.name, source.digest, source.size, path.stat().st_size)


def _record(recorder: Recorder, outcomes: list[Outcome], seconds: float) -> None:
    """Speed of what was converted now; what was kept cost nothing and counts for nothing."""
    digest = FileSetDigest()
    for each in outcomes:
        digest.add(each.name, each.source.encode())
    recorder.provenance(dataset_digest=str(digest))
    converted = sum(each.written > 0 for each in outcomes)
    rejected = sum(each.problem is not None for each in outcomes)
    recorder.event("scenes", len(outcomes), kept=len(outcomes) - converted - rejected)
    recorder.event("rejected_scenes", rejected)
    if converted:
        read, written = (sum(getattr(o, name) for o in outcomes) for name in ("read", "written"))
        recorder.metric("scenes_per_second", converted / seconds)
        recorder.metric("megabytes_read_per_second", read / 1e6 / seconds)
        recorder.metric("megabytes_written_per_second", written / 1e6 / seconds)


def _scenes_in(folder: Path) -> list[Scene]:
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is not a folder: name the OUT of extract")
    scenes = [Scene(path) for path in sorted(folder.glob(f"*{SUFFIX}"))]
    if not scenes:
        raise UnusableInput(f"there are no scenes, NAME{SUFFIX}, in {folder}: extract some first")
    return scenes
