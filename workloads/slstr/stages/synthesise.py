"""The stage `synthesise`: draw zipped scenes and a match-up table."""

import argparse

from workloads.common.progress import progress_of
from workloads.common.records import recording
from workloads.slstr.presets import PRESETS, SIZES
from workloads.slstr.report import close_with_table, record_provenance
from workloads.slstr.synthesis import remove_outdated, synthesise


def run(options: argparse.Namespace) -> None:
    """Draw the scenes where they are missing, and record how fast that went."""
    preset = PRESETS[options.preset]()
    scenes = preset.scenes if options.scenes is None else options.scenes
    size = preset.size if options.size is None else SIZES[options.size]
    with recording("synthesise", None) as recorder:
        if options.refresh:
            remove_outdated(options.output, scenes, size, options.seed)
        with progress_of("drawing", scenes, "scenes") as advance:
            done = synthesise(options.output, scenes, size, options.seed, advance)
        record_provenance(recorder, options, "synthetic", done["digest"], "netCDF4")
        recorder.event("folder", str(options.output))
        if done["drawn"]:
            recorder.metric("scenes_per_second", done["drawn"] / done["seconds"])
            recorder.metric("megabytes_written_per_second", done["bytes"] / 1e6 / done["seconds"])
    close_with_table(recorder, f"synthesise: {options.output}")
