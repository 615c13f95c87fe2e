"""The metrics of collective operations, the record of all message sizes, and its table."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from workloads.collectives.gradients import MODELS
from workloads.collectives.timing import Timing
from workloads.common.metrics import Metric, declare
from workloads.common.progress import show
from workloads.common.records import Recorder

TABLE_KEY = "allreduce_by_message_size"

declare(
    Metric(
        "allreduce_latency_seconds",
        "s",
        "lower",
        "relative",
        "median all-reduce of the smallest message",
    ),
    Metric(
        "allreduce_algorithm_bandwidth",
        "GB/s",
        "higher",
        "relative",
        "bytes over the median time, largest message",
    ),
    Metric(
        "allreduce_bus_bandwidth",
        "GB/s",
        "higher",
        "relative",
        "the same times 2(n-1)/n for n replicas: what each link carries",
    ),
    *(
        Metric(
            f"allreduce_seconds_{name}",
            "s",
            "lower",
            "relative",
            f"median all-reduce of {name}'s gradients",
        )
        for name in MODELS
    ),
)


def record_timings(
    recorder: Recorder, messages: Sequence[Timing], gradients: Sequence[Timing]
) -> None:
    """Record the figures, and in one event every size with its times; messages in order of size."""
    recorder.metric("allreduce_latency_seconds", messages[0].seconds_median)
    recorder.metric("allreduce_algorithm_bandwidth", messages[-1].algorithm_bandwidth)
    recorder.metric("allreduce_bus_bandwidth", messages[-1].bus_bandwidth)
    for timing in gradients:
        recorder.metric(f"allreduce_seconds_{timing.name}", timing.seconds_median)
    recorder.event(TABLE_KEY, [_row(timing) for timing in (*messages, *gradients)])


def _row(timing: Timing) -> dict[str, Any]:
    return {
        "message": timing.name,
        "bytes": timing.bytes,
        "tensors": timing.tensors,
        "seconds_median": timing.seconds_median,
        "seconds_99th_percentile": timing.seconds_99th_percentile,
        "algorithm_bandwidth": timing.algorithm_bandwidth,
        "bus_bandwidth": timing.bus_bandwidth,
    }


def print_timings(timings: Sequence[Timing]) -> None:
    """Print every message with its times and bandwidths on standard output."""
    table = Table(
        "message", "bytes", "tensors", "median", "99th percentile", "algorithm", "bus",
        title=f"all-reduce over {timings[0].replicas} replicas: seconds, GB/s",
        title_justify="left",
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for timing in timings:
        table.add_row(
            timing.name,
            f"{timing.bytes:,}",
            str(timing.tensors),
            f"{timing.seconds_median:.3g}",
            f"{timing.seconds_99th_percentile:.3g}",
            f"{timing.algorithm_bandwidth:.3g}",
            f"{timing.bus_bandwidth:.3g}",
        )
    show(table)
