"""The stage `synthesise`: draw a preset's photographs and patches."""

import argparse
import time

from workloads.common.records import recording
from workloads.skyline.dataset import Location, draw
from workloads.skyline.report import close_with_table, record_provenance


def run(options: argparse.Namespace) -> None:
    """Draw the dataset where it is missing, and record how fast that went."""
    location = Location.of(options)
    with recording("synthesise", None) as recorder:
        started = time.perf_counter()
        folder = options.output or location.cached("patches")
        done = draw(folder, location.preset, location.seed)
        seconds = time.perf_counter() - started
        record_provenance(recorder, options, done["digest"])
        recorder.event("folder", str(folder))
        if done["drawn"]:
            patches = sum(each["positive"] + each["negative"] for each in done["counts"].values())
            share = done["drawn"] / location.preset.size.photographs
            recorder.metric("photographs_per_second", done["drawn"] / seconds)
            recorder.metric("patches_per_second", patches * share / seconds)
    close_with_table(recorder, f"synthesise: {folder}")
