"""What every SLSTR stage reports beside its figures, and the metrics only this workload has."""

import argparse

from workloads.common.metrics import Metric, declare
from workloads.common.progress import print_table
from workloads.common.provenance import record_run
from workloads.common.records import Recorder
from workloads.slstr import VERSION

declare(
    Metric("scenes_per_second", "scenes/s", "higher", "scenes drawn, unpacked or converted"),
    Metric("megabytes_read_per_second", "MB/s", "higher", "megabytes of files read a second"),
    Metric("megabytes_written_per_second", "MB/s", "higher", "megabytes of files written a second"),
)


def record_run_of_slstr(recorder: Recorder, options: argparse.Namespace, *packages: str) -> None:
    """Record which stage runs and with which versions; `packages` are named besides NumPy."""
    record_run(recorder, options, "slstr", VERSION, "numpy", *packages)


def record_provenance(
    recorder: Recorder,
    options: argparse.Namespace,
    dataset: str,
    dataset_digest: str,
    *packages: str,
) -> None:
    """Record what the figures are measured with; `dataset` is "synthetic" or "given"."""
    record_run_of_slstr(recorder, options, *packages)
    recorder.provenance(dataset=dataset, dataset_digest=dataset_digest)


def close_with_table(recorder: Recorder, title: str) -> None:
    """Print the table of a finished stage's figures."""
    print_table(title, recorder.figures)
