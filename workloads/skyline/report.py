"""What every skyline stage reports beside its figures, and the metrics only this workload has."""

import argparse

from workloads.common.metrics import Metric, declare
from workloads.common.progress import print_table
from workloads.common.provenance import record_run
from workloads.common.records import Recorder
from workloads.skyline import VERSION
from workloads.skyline.scoring import NEAR_PIXELS

declare(
    Metric(
        "photographs_per_second", "photographs/s", "higher", "relative", "photographs drawn and cut"
    ),
    Metric(
        "patches_per_second", "images/s", "higher", "relative", "patches cut and written as JPEG"
    ),
    Metric(
        "jpegs_per_second",
        "images/s",
        "higher",
        "relative",
        "JPEG patches read, decoded and packed",
    ),
    Metric(
        "extraction_throughput",
        "photographs/s",
        "higher",
        "relative",
        "photographs read, extracted and written, warm-up apart",
    ),
    Metric(
        "skyline_error",
        "pixels",
        "lower",
        "relative",
        "mean distance of extracted from annotated skylines over all columns",
    ),
    Metric(
        f"columns_within_{NEAR_PIXELS}_pixels",
        "1",
        "higher",
        "absolute",
        "share of the columns that are no further off than that",
    ),
)


def record_run_of_skyline(recorder: Recorder, options: argparse.Namespace, *packages: str) -> None:
    """Record which stage runs and with which versions; `packages` are named besides NumPy."""
    record_run(recorder, options, "skyline", VERSION, "numpy", *packages)


def record_provenance(
    recorder: Recorder, options: argparse.Namespace, dataset_digest: str, *packages: str
) -> None:
    """Record what the figures are measured with; `packages` are named besides NumPy."""
    record_run_of_skyline(recorder, options, *packages)
    recorder.provenance(
        dataset="synthetic" if options.data is None else "given",
        dataset_digest=dataset_digest,
    )


def close_with_table(recorder: Recorder, title: str, shown: bool = True) -> None:
    """Print the table of a finished stage's figures."""
    if shown:
        print_table(title, recorder.figures)
