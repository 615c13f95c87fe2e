"""The stage `extract`: unzip the scenes of a list."""

import argparse
import time
from pathlib import Path

from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.path_lists import read_list
from workloads.common.pool import available_processors, map_unordered
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run
from workloads.slstr.archive import archive_identity, extract_scene
from workloads.slstr.product import SUFFIX
from workloads.slstr.report import close_with_table, record_run_of_slstr


def run(options: argparse.Namespace) -> None:
    """Unpack every scene of the list that is not there yet, and record how fast that went.

    What can be refused is refused before anything is written. Raises UnusableInput and OSError.
    """
    archives, digest = _scenes_of(options.file_list)
    with only_run(options.output), recording("extract", options.output) as recorder:
        record_run_of_slstr(recorder, options)
        recorder.provenance(dataset_digest=digest)
        missing = [
            (archive, options.output)
            for scene, archive in archives.items()
            if not (options.output / f"{scene}{SUFFIX}").is_dir()
        ]
        recorder.event("scenes", len(archives), kept=len(archives) - len(missing))
        if missing:
            _extract(recorder, missing)
    close_with_table(recorder, f"extract: {options.output}")


def _extract(recorder: Recorder, jobs: list[tuple[Path, Path]]) -> None:
    started = time.perf_counter()
    read = written = 0
    with progress_of("unzipping", len(jobs), "scenes") as advance:
        for sizes in map_unordered(extract_scene, jobs, available_processors()):
            read += sizes[0]
            written += sizes[1]
            advance(1)
    seconds = time.perf_counter() - started
    recorder.metric("scenes_per_second", len(jobs) / seconds)
    recorder.metric("megabytes_read_per_second", read / 1e6 / seconds)
    recorder.metric("megabytes_written_per_second", written / 1e6 / seconds)


def _scenes_of(file_list: Path) -> tuple[dict[str, Path], str]:
    """The archive of every scene in the list, and the digest of what all of them hold.

    UnusableInput names what cannot be unpacked.
    """
    archives = [file_list.parent / path for path in read_list(file_list)]
    missing = [archive for archive in archives if not archive.is_file()]
    if missing:
        names = ", ".join(str(archive) for archive in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise UnusableInput(f"{file_list} names files that are not there: {names}{more}")
    found: dict[str, Path] = {}
    digest = FileSetDigest()
    for archive in archives:
        scene, content = archive_identity(archive)
        if scene in found:
            raise UnusableInput(
                f"{found[scene]} and {archive} in {file_list} hold the same scene, {scene}: "
                "leave one out"
            )
        found[scene] = archive
        digest.add(scene, content.encode())
    return found, str(digest)
