"""The stage `synthesise`: draw a preset's photographs and patches."""

import argparse
import time

from workloads.common.errors import UnusableInput
from workloads.common.offline import require_present
from workloads.common.records import Recorder, recording
from workloads.skyline.dataset import Location, draw, given_digest
from workloads.skyline.report import close_with_table, record_provenance


def run(options: argparse.Namespace) -> None:
    """Draw the dataset where it is missing, and record how fast that went."""
    location = Location.of(options)
    with recording("synthesise", None) as recorder:
        if options.data is not None:
            _check_given(recorder, options)
            return
        started = time.perf_counter()
        folder = options.output or location.cached("patches")
        written_at = ["--output", folder.resolve()] if options.output else []
        require_present(folder, location.command("synthesise", *written_at))
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


def _check_given(recorder: Recorder, options: argparse.Namespace) -> None:
    """There is nothing to draw: only see that the given folder is a dataset."""
    if options.output is not None:
        raise UnusableInput("--data is given, so that nothing is drawn: leave out --output")
    record_provenance(recorder, options, given_digest(options.data))
    recorder.event("already_there", str(options.data))
