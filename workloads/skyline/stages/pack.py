"""The stage `pack`: decode JPEG patches into dense shards."""

import argparse
import time

from workloads.common.records import recording
from workloads.skyline.dataset import Location, pack
from workloads.skyline.report import close_with_table, record_provenance


def run(options: argparse.Namespace) -> None:
    """Pack the dataset where it is not packed yet, and record how fast that went."""
    location = Location.of(options)
    with recording("pack", None) as recorder:
        source = location.patches()
        folder = options.output or location.packed_cache()
        started = time.perf_counter()
        manifest, decoded = pack(source, folder, location.seed, options.skip_broken)
        seconds = time.perf_counter() - started
        record_provenance(recorder, options, manifest["digest"])
        recorder.event("folder", str(folder))
        recorder.event("broken_patches", len(manifest["broken"]), names=manifest["broken"][:20])
        if decoded:
            recorder.metric("jpegs_per_second", decoded / seconds)
    close_with_table(recorder, f"pack: {folder}")
