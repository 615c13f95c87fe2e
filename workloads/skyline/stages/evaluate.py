"""The stage `evaluate`: score the best weights of a training run on the test split."""

import argparse
import os

from mlperf_logging.mllog import constants

from workloads.common import checkpoints
from workloads.common.agreement import require_agreement
from workloads.common.construction import make_model
from workloads.common.devices import open_devices
from workloads.common.evaluation import Evaluation, evaluate, warm_up
from workloads.common.inputs import Feed
from workloads.common.process_group import process_group
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.steps import Stepper
from workloads.skyline.dataset import Location
from workloads.skyline.feeds import open_source
from workloads.skyline.model import build
from workloads.skyline.objective import PatchClassification
from workloads.skyline.report import close_with_table, record_devices, record_provenance


def run(options: argparse.Namespace) -> None:
    """Evaluate as the options say. Raises UnusableInput and RunFailed."""
    location = Location.of(options)
    path = options.checkpoint / checkpoints.BEST
    about = checkpoints.describe(path)
    name = options.model or about.model
    precision = str(about.settings["precision"])
    reports = process_group(os.environ).rank == 0
    with recording("evaluate", options.output, reports) as recorder:
        devices = open_devices(options.gpus, deterministic=True)
        source = open_source(location, options)
        feed = source.feed(devices, "testing")
        record_provenance(recorder, options, source.digest, "tensorflow", "keras")
        model = make_model(devices, lambda: build(name), options.seed, precision)
        checkpoints.restore(path, model)
        batch, steps = location.preset.global_batch, location.preset.steps_per_execution
        stepper = Stepper(devices, model, None, PatchClassification(), batch, steps)
        call = stepper.evaluator(feed)
        warm_up(stepper, call, feed)
        total = -(-feed.shares[0].samples // batch)
        with progress_of("evaluating", total, "steps", reports) as advance:
            result = evaluate(stepper, call, feed, advance)
        require_agreement(devices, model.variables, f"{source.digest} {result.loss}")
        record_devices(recorder, options, devices)
        recorder.provenance(
            model=name, precision=precision, epochs_trained=about.state["epochs"], ranks_agree=True
        )
        _record_figures(recorder, feed, result)
    close_with_table(recorder, f"evaluate: {options.checkpoint}", reports)


def _record_figures(recorder: Recorder, feed: Feed, result: Evaluation) -> None:
    """Accuracy, and precision, recall and F1 of the positive class; 0 where undefined."""
    counts = result.counts
    hits = counts["true_positive"]
    recorder.event(constants.EVAL_SAMPLES, feed.shares[0].samples)
    recorder.event(constants.EVAL_ACCURACY, result.accuracy)
    recorder.metric("test_accuracy", result.accuracy)
    recorder.metric("test_loss", result.loss)
    recorder.metric("test_precision", hits / max(counts["predicted_positive"], 1.0))
    recorder.metric("test_recall", hits / max(counts["positive"], 1.0))
    recorder.metric("test_f1", 2 * hits / max(counts["predicted_positive"] + counts["positive"], 1))
    recorder.metric("evaluation_throughput", result.samples / result.seconds)
