"""The stage `evaluate`: score the best weights of a training run on the test split."""

import argparse
import os

import keras
from mlperf_logging.mllog import constants

from workloads.common import checkpoints
from workloads.common.construction import make_model
from workloads.common.devices import Devices, open_devices
from workloads.common.evaluation import Evaluation, evaluate, warm_up
from workloads.common.group.agreement import require_agreement
from workloads.common.group.peers import naming_lost_peers, together
from workloads.common.group.process_group import process_group
from workloads.common.inputs import Feed
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.steps import Stepper
from workloads.skyline.computing import record_devices
from workloads.skyline.dataset import Location
from workloads.skyline.feeds import opened_source
from workloads.skyline.model import build
from workloads.skyline.networks import describe_checkpoint
from workloads.skyline.objective import PatchClassification
from workloads.skyline.presets import Preset
from workloads.skyline.report import close_with_table, record_provenance


def run(options: argparse.Namespace) -> None:
    """Evaluate as the options say. Raises UnusableInput and RunFailed."""
    location = Location.of(options)
    path = options.checkpoint / checkpoints.BEST
    about = describe_checkpoint(options.checkpoint)
    name = options.model or about.model
    precision = str(about.settings["precision"])
    reports = process_group(os.environ).rank == 0
    with recording("evaluate", options.output, reports) as recorder:
        devices = open_devices(options.gpus, deterministic=True)
        with (
            naming_lost_peers(devices.group),
            opened_source(devices, location, options, recorder) as source,
        ):
            feed = together(devices, lambda: source.feed(devices, "testing"))
            record_provenance(recorder, options, source.digest, "tensorflow", "keras")
            model = make_model(devices, lambda: build(name), options.seed, precision)
            together(devices, lambda: checkpoints.restore(path, model))
            result = _score(devices, location.preset, model, feed)
            require_agreement(devices, model.variables, f"{source.digest} {result.loss}")
        record_devices(recorder, options, devices)
        recorder.provenance(
            model=name, precision=precision, epochs_trained=about.state["epochs"], ranks_agree=True
        )
        _record_figures(recorder, feed, result)
    close_with_table(recorder, f"evaluate: {options.checkpoint}", reports)


def _score(devices: Devices, preset: Preset, model: keras.Model, feed: Feed) -> Evaluation:
    """Evaluate `model` on every sample of `feed`, with progress shown."""
    batch, steps = preset.global_batch, preset.steps_per_execution
    stepper = Stepper(devices, model, None, PatchClassification(), batch, steps)
    call = stepper.evaluator(feed)
    warm_up(stepper, call, feed)
    total = -(-feed.shares[0].samples // batch)
    with progress_of("evaluating", total, "steps", devices.reports) as advance:
        return evaluate(stepper, call, feed, advance)


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
