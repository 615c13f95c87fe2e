"""The stage `sst_comp`: sea-surface temperatures of the satellite held against buoys."""

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run
from workloads.slstr.matchup_table import (
    MatchupTable,
    read_masks_at,
    read_matchups,
    require_predictions,
)
from workloads.slstr.prediction_origin import read_origin
from workloads.slstr.product import UNFILLED
from workloads.slstr.report import close_with_table, record_run_of_slstr
from workloads.slstr.sst import Comparison, compare
from workloads.slstr.sst_histogram import write_histogram
from workloads.slstr.sst_report import print_differences, write_csv

FOLDER = "sst_comp"
CSV_FILE, HISTOGRAM_FILE = "sst_comp.csv", "sst_comp.png"


def run(options: argparse.Namespace) -> None:
    """Compare as the options say. Raises UnusableInput and RunFailed.

    What can be refused at once is refused before anything is written.
    """
    output = options.output or options.predictions / FOLDER
    table = read_matchups(options.matchups)
    require_predictions(table, options.predictions)
    origin = read_origin(options.predictions, table.scenes)
    with only_run(output), recording("sst_comp", output) as recorder:
        _record_provenance(recorder, options, origin)
        started = time.perf_counter()
        mask = read_masks_at(table, options.predictions)
        comparison = _compare(table, mask)
        seconds = time.perf_counter() - started
        write_csv(output / CSV_FILE, comparison)
        write_histogram(output / HISTOGRAM_FILE, comparison)
        _record_numbers(recorder, table, comparison)
        _record_figures(recorder, comparison)
        recorder.metric("matchups_per_second", mask.size / seconds)
    print_differences(comparison)
    close_with_table(recorder, f"sst_comp: {output}")


def _compare(table: MatchupTable, mask: NDArray[np.uint8]) -> Comparison:
    """Compare the match-ups of which the network has judged the pixel."""
    judged = mask != UNFILLED
    if not judged.any():
        raise UnusableInput(f"the network has judged no pixel that {table.path} has a match-up of")
    return compare(
        table.satellite[judged],
        table.buoy[judged],
        mask[judged] == 0,
        table.operational_clear[judged],
    )


def _record_provenance(
    recorder: Recorder, options: argparse.Namespace, origin: dict[str, str]
) -> None:
    """Record what the figures are measured with.

    The dataset is the match-ups alone: what predictions say of them is what is measured.
    """
    record_run_of_slstr(recorder, options, "numba", "pillow")
    digest = FileSetDigest()
    digest.add(options.matchups.name, options.matchups.read_bytes())
    recorder.provenance(dataset_digest=str(digest), **origin)


def _record_numbers(recorder: Recorder, table: MatchupTable, comparison: Comparison) -> None:
    """Record how many match-ups each group has, and how many were left out."""
    for group, difference in comparison.differences.items():
        recorder.event("matchups", difference.number, group=group)
    unjudged = table.scene.size - comparison.differences["all"].number
    left_out = {"without_satellite": table.without_satellite, "unfilled_in_mask": unjudged}
    for reason, number in left_out.items():
        recorder.event("left_out_matchups", number, reason=reason)


def _record_figures(recorder: Recorder, comparison: Comparison) -> None:
    differences = comparison.differences
    for group, difference in differences.items():
        recorder.metric(f"sst_bias_{group}", difference.median)
        recorder.metric(f"sst_robust_deviation_{group}", difference.robust_deviation)
    everything, network = (abs(differences[group].median) for group in ("all", "network"))
    recorder.metric("sst_absolute_bias_network", network)
    recorder.metric("sst_bias_reduction", everything - network)
