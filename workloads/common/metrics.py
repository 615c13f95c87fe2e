"""The metrics that workloads report: name, unit, which direction is better, and how to compare.

One table for all workloads, so that the same figure has the same name, unit and direction
everywhere. A workload adds its own metrics with `declare`.
"""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "equal"]
Comparison = Literal["relative", "absolute"]


@dataclass(frozen=True)
class Metric:
    """A figure that a stage reports.

    `better` is "equal" for figures that must not change at all, whichever way. `comparison` says
    what a change of it is: a share of it ("relative": speeds, times, sizes, energies, distances),
    or a difference in its unit ("absolute": accuracies, losses, scores, shares and biases, which
    have a fixed scale, or may be zero).
    """

    name: str
    unit: str
    better: Better
    comparison: Comparison
    meaning: str


_METRICS: dict[str, Metric] = {}


def declare(*metrics: Metric) -> None:
    """Add metrics to the table; the same name may be declared again only identically."""
    for metric in metrics:
        known = _METRICS.setdefault(metric.name, metric)
        if known != metric:
            raise ValueError(f"metric {metric.name!r} is declared twice, differently")


def metric(name: str) -> Metric:
    """The declaration of `name`; KeyError when a stage reports what nobody declared."""
    return _METRICS[name]


declare(
    Metric(
        "throughput",
        "images/s",
        "higher",
        "relative",
        "training images a second in the steady state",
    ),
    Metric(
        "mean_train_images_per_second",
        "images/s",
        "higher",
        "relative",
        "training images over the whole of training, first epoch and validation included",
    ),
    Metric(
        "first_epoch_seconds",
        "s",
        "lower",
        "relative",
        "first epoch with validation, warm-up included",
    ),
    Metric(
        "epoch_seconds",
        "s",
        "lower",
        "relative",
        "median epoch after the first, with its validation",
    ),
    Metric(
        "total_seconds", "s", "lower", "relative", "the whole stage, from start to closing record"
    ),
    Metric(
        "staging_seconds", "s", "lower", "relative", "copying the dataset to every node's scratch"
    ),
    Metric("step_seconds_median", "s", "lower", "relative", "median step in the steady state"),
    Metric(
        "step_seconds_99th_percentile",
        "s",
        "lower",
        "relative",
        "99th percentile step in the steady state",
    ),
    Metric(
        "input_stall_fraction",
        "1",
        "lower",
        "absolute",
        "share of the step time spent waiting for input",
    ),
    Metric(
        "peak_memory_bytes",
        "B",
        "lower",
        "relative",
        "largest resident set of the process on the host",
    ),
    Metric(
        "peak_device_memory_bytes",
        "B",
        "lower",
        "relative",
        "largest allocation on one accelerator",
    ),
    Metric(
        "energy_joules",
        "J",
        "lower",
        "relative",
        "all GPUs over the whole of training, validation included",
    ),
    Metric(
        "joules_per_image",
        "J/image",
        "lower",
        "relative",
        "energy of the GPUs over the images trained on, validation included",
    ),
    Metric(
        "gpu_utilisation",
        "1",
        "higher",
        "absolute",
        "share of the time that kernels ran, mean of the GPUs over the whole of training",
    ),
    Metric(
        "host_energy_joules",
        "J",
        "lower",
        "relative",
        "all nodes as a whole, over the whole of training, validation included",
    ),
    Metric(
        "model_flop_utilisation",
        "1",
        "higher",
        "absolute",
        "operations that the model needs at this throughput, over the peak of the devices",
    ),
    Metric("train_loss", "1", "lower", "absolute", "mean training loss of the last whole epoch"),
    Metric(
        "train_accuracy", "1", "higher", "absolute", "training accuracy of the last whole epoch"
    ),
    Metric("validation_loss", "1", "lower", "absolute", "validation loss of the best epoch"),
    Metric(
        "validation_accuracy", "1", "higher", "absolute", "validation accuracy of the best epoch"
    ),
    Metric(
        "loss_step100", "1", "equal", "absolute", "loss after exactly 100 steps of the seeded run"
    ),
    Metric("test_loss", "1", "lower", "absolute", "loss on the test split"),
    Metric("test_accuracy", "1", "higher", "absolute", "accuracy on the test split"),
    Metric(
        "test_precision",
        "1",
        "higher",
        "absolute",
        "precision of the positive class on the test split",
    ),
    Metric(
        "test_recall", "1", "higher", "absolute", "recall of the positive class on the test split"
    ),
    Metric(
        "test_f1",
        "1",
        "higher",
        "absolute",
        "harmonic mean of precision and recall on the test split",
    ),
    Metric(
        "evaluation_throughput",
        "images/s",
        "higher",
        "relative",
        "test images a second, input included",
    ),
)
