"""What every skyline stage reports beside its figures, and the metrics only this workload has."""

import argparse
from typing import TYPE_CHECKING

from workloads.common.metrics import Metric, declare
from workloads.common.progress import print_table
from workloads.common.provenance import suite_commit, versions
from workloads.common.records import Recorder
from workloads.skyline import VERSION

if TYPE_CHECKING:
    # Drawing and packing report too, without TensorFlow.
    from workloads.common.devices import Devices

declare(
    Metric("photographs_per_second", "photographs/s", "higher", "photographs drawn and cut"),
    Metric("patches_per_second", "images/s", "higher", "patches cut and written as JPEG"),
    Metric("jpegs_per_second", "images/s", "higher", "JPEG patches read, decoded and packed"),
)


def record_provenance(
    recorder: Recorder, options: argparse.Namespace, dataset_digest: str, *packages: str
) -> None:
    """Record what the figures are measured with; `packages` are named besides NumPy."""
    recorder.provenance(
        stage=options.stage,
        workload="skyline",
        workload_version=VERSION,
        preset=options.preset,
        seed=options.seed,
        dataset="synthetic" if options.data is None else "given",
        dataset_digest=dataset_digest,
        suite_commit=suite_commit(),
        **versions("numpy", *packages),
    )


def record_devices(recorder: Recorder, options: argparse.Namespace, devices: "Devices") -> None:
    """Record what a run asked for, what it computed on, and how its input reached it."""
    recorder.provenance(
        device_name=devices.names[0],
        gpus_asked=devices.gpus if options.gpus is None else options.gpus,
        gpus_used=devices.gpus,
        replicas=devices.replicas,
        processes=devices.group.processes,
        engine="tensorflow",
        pipeline=options.pipeline,
        prefetch_to_device=options.prefetch_to_device,
    )


def close_with_table(recorder: Recorder, title: str, shown: bool = True) -> None:
    """Print the table of a finished stage's figures."""
    if shown:
        print_table(title, recorder.figures)
