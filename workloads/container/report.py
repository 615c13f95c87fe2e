"""The figures of a comparison, and its table."""

from statistics import geometric_mean

from rich.table import Table

from workloads.common.metrics import Metric, declare
from workloads.common.progress import show
from workloads.common.records import Recorder
from workloads.container.measuring import Measured, Pairs
from workloads.container.ratios import CONFIDENCE, paired_ratio

RUNS_KEY = "container_runs"
# What both sides were measured with; the first training has told it.
_SHARED = (
    "dataset_digest",
    "precision",
    "deterministic",
    "device_name",
    "gpus_used",
    "replicas",
    "processes",
    "nodes",
    "driver_version",
    "gpu_uuids",
)
# What the image is; its first training has told it.
_OF_THE_IMAGE = ("image_name", "image_commit")
_INTERVAL = f"{100 * CONFIDENCE:.0f} % interval"
_OF_THE_RATIO = f"of the {_INTERVAL} of throughput_ratio"


def _seconds(name: str, meaning: str) -> Metric:
    return Metric(name, "s", "lower", "relative", meaning)


declare(
    Metric(
        "throughput_ratio",
        "1",
        "higher",
        "relative",
        "training in the image over training natively, images a second",
    ),
    Metric("throughput_ratio_low", "1", "higher", "relative", f"lower end {_OF_THE_RATIO}"),
    Metric("throughput_ratio_high", "1", "higher", "relative", f"upper end {_OF_THE_RATIO}"),
    Metric(
        "native_throughput",
        "images/s",
        "higher",
        "relative",
        "training natively: the geometric mean of the runs, as below",
    ),
    Metric("image_throughput", "images/s", "higher", "relative", "training in the image"),
    _seconds("native_start_seconds", "start of a Python that does nothing, natively"),
    _seconds("image_start_seconds", "the same in the image, its launch included"),
    _seconds("image_first_start_seconds", "the first such start in the image, before all others"),
    _seconds("native_import_seconds", "import of TensorFlow natively"),
    _seconds("image_import_seconds", "the same in the image"),
    Metric("image_size_bytes", "B", "lower", "relative", "the image file, or all of a sandbox"),
)


def record_comparison(recorder: Recorder, measured: Measured) -> None:
    """Record the figures, every single value behind them, and what both sides ran on."""
    for side, names in ((measured.native, _SHARED), (measured.image, _OF_THE_IMAGE)):
        told = side.provenance
        recorder.provenance(**{name: told[name] for name in names if name in told})
    ratio = paired_ratio(measured.throughputs.native, measured.throughputs.image)
    recorder.metric("throughput_ratio", ratio.value)
    recorder.metric("throughput_ratio_low", ratio.low)
    recorder.metric("throughput_ratio_high", ratio.high)
    for name, pairs in _series(measured).items():
        recorder.metric(f"native_{name}", geometric_mean(pairs.native))
        recorder.metric(f"image_{name}", geometric_mean(pairs.image))
        recorder.event(RUNS_KEY, {"native": pairs.native, "image": pairs.image}, series=name)
    recorder.metric("image_first_start_seconds", measured.first_start)


def _series(measured: Measured) -> dict[str, Pairs]:
    return {
        "throughput": measured.throughputs,
        "start_seconds": measured.starts,
        "import_seconds": measured.imports,
    }


def print_comparison(measured: Measured) -> None:
    """Print the geometric means of both sides, and their ratios, on standard output."""
    pairs = len(measured.starts.native)
    table = Table(
        "", "natively", "in the image", "ratio", _INTERVAL,
        title=f"what the container costs, {pairs} runs of each", title_justify="left",
    )  # fmt: skip
    for column in table.columns[1:]:
        column.justify = "right"
    for name, series in _series(measured).items():
        ratio = paired_ratio(series.native, series.image)
        table.add_row(
            name.replace("_", ", "),
            f"{geometric_mean(series.native):,.4g}",
            f"{geometric_mean(series.image):,.4g}",
            f"{ratio.value:.4g}",
            f"{ratio.low:.4g} to {ratio.high:.4g}",
        )
    show(table)
