"""What every SLSTR stage reports beside its figures, and the metrics only this workload has."""

import argparse

from workloads.common.metrics import Metric, declare
from workloads.common.progress import print_table
from workloads.common.provenance import record_run
from workloads.common.records import Recorder
from workloads.slstr import VERSION

declare(
    Metric(
        "scenes_per_second", "scenes/s", "higher", "relative", "scenes drawn, unpacked or converted"
    ),
    Metric(
        "megabytes_read_per_second",
        "MB/s",
        "higher",
        "relative",
        "megabytes of files read a second",
    ),
    Metric(
        "megabytes_written_per_second",
        "MB/s",
        "higher",
        "relative",
        "megabytes of files written a second",
    ),
)

# The published names, of the published tables.
declare(
    Metric("total_time", "s", "lower", "relative", "all epochs with their testing"),
    Metric("first_epoch_time", "s", "lower", "relative", "the first epoch with its testing"),
    Metric("first_epoch_train_time", "s", "lower", "relative", "training in the first epoch"),
    Metric("first_epoch_test_time", "s", "lower", "relative", "testing in the first epoch"),
    Metric(
        "imgs_per_s_first_epoch",
        "images/s",
        "higher",
        "relative",
        "patches a second, training in the first epoch",
    ),
    Metric("second_epoch_time", "s", "lower", "relative", "the second epoch with its testing"),
    Metric("second_epoch_train_time", "s", "lower", "relative", "training in the second epoch"),
    Metric("second_epoch_test_time", "s", "lower", "relative", "testing in the second epoch"),
    Metric(
        "imgs_per_s_second_epoch",
        "images/s",
        "higher",
        "relative",
        "patches a second, training in the second epoch",
    ),
    Metric(
        "total", "s", "lower", "relative", "all scenes of inference: read, computed and written"
    ),
    Metric("imgs_per_s", "scenes/s", "higher", "relative", "scenes a second in inference"),
)
declare(
    Metric(
        "bayes_accuracy",
        "1",
        "higher",
        "absolute",
        "share of pixels that agree with the Bayesian mask",
    ),
    Metric("bayes_f1", "1", "higher", "absolute", "F1 of cloud against the Bayesian mask"),
    Metric("bayes_iou", "1", "higher", "absolute", "IoU of cloud against the Bayesian mask"),
    Metric(
        "truth_accuracy",
        "1",
        "higher",
        "absolute",
        "share of pixels that agree with the truth that drawn scenes know",
    ),
    Metric(
        "truth_f1",
        "1",
        "higher",
        "absolute",
        "F1 of cloud against the truth that drawn scenes know",
    ),
    Metric(
        "truth_iou",
        "1",
        "higher",
        "absolute",
        "IoU of cloud against the truth that drawn scenes know",
    ),
    Metric(
        "sst_bias_all", "K", "equal", "absolute", "median of satellite minus buoy, all match-ups"
    ),
    Metric(
        "sst_robust_deviation_all", "K", "lower", "absolute", "1.4826 times the MAD, all match-ups"
    ),
    Metric(
        "sst_bias_network",
        "K",
        "equal",
        "absolute",
        "median of satellite minus buoy, match-ups that the network calls clear",
    ),
    Metric(
        "sst_robust_deviation_network",
        "K",
        "lower",
        "absolute",
        "1.4826 times the MAD, match-ups that the network calls clear",
    ),
    Metric(
        "sst_bias_operational",
        "K",
        "equal",
        "absolute",
        "median of satellite minus buoy, match-ups that the operational mask calls clear",
    ),
    Metric(
        "sst_robust_deviation_operational",
        "K",
        "lower",
        "absolute",
        "1.4826 times the MAD, match-ups that the operational mask calls clear",
    ),
    Metric(
        "sst_absolute_bias_network", "K", "lower", "absolute", "distance of sst_bias_network from 0"
    ),
    Metric(
        "sst_bias_reduction",
        "K",
        "higher",
        "absolute",
        "how much nearer to 0 that is than sst_bias_all",
    ),
    Metric(
        "matchups_per_second",
        "match-ups/s",
        "higher",
        "relative",
        "match-ups looked up and compared",
    ),
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


def close_with_table(recorder: Recorder, title: str, shown: bool = True) -> None:
    """Print the table of a finished stage's figures."""
    if shown:
        print_table(title, recorder.figures)
