"""The stage `train`: train a network on the training split, validate, keep the best weights."""

import argparse
import dataclasses
import os
from typing import Any

from mlperf_logging.mllog import constants

from workloads.common.construction import make_adam, make_model
from workloads.common.data_order import steps_per_epoch
from workloads.common.devices import (
    Devices,
    open_devices,
    peak_device_memory_bytes,
    peak_memory_bytes,
)
from workloads.common.errors import UnusableInput
from workloads.common.fingerprint import measure_fingerprint
from workloads.common.group.peers import naming_lost_peers, together
from workloads.common.group.process_group import process_group
from workloads.common.inputs import Feed
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.steps import Stepper
from workloads.common.telemetry.reporting import Telemetry, open_telemetry, record_telemetry
from workloads.common.training import Training
from workloads.common.utilisation import record_utilisation
from workloads.common.writing import only_run
from workloads.skyline import VERSION
from workloads.skyline.computing import record_devices
from workloads.skyline.dataset import Location
from workloads.skyline.feeds import Source, opened_source
from workloads.skyline.layout import PATCH_SIZE
from workloads.skyline.model import LEARNING_RATES, build
from workloads.skyline.objective import PatchClassification
from workloads.skyline.presets import Preset
from workloads.skyline.report import close_with_table, record_provenance

Feeds = tuple[Feed, Feed]


def run(options: argparse.Namespace) -> None:
    """Train as the options say. Raises UnusableInput and RunFailed."""
    location = Location.of(options)
    deterministic = _is_deterministic(location.preset, options)
    reports = process_group(os.environ).rank == 0
    with only_run(options.output, reports), recording("train", options.output, reports) as recorder:
        # The short run takes the devices, and so must have left them before this one does.
        fingerprint = None
        if not deterministic:
            fingerprint = measure_fingerprint("workloads.skyline", options, reports)
        devices = open_devices(options.gpus, deterministic)
        with (
            naming_lost_peers(devices.group),
            opened_source(devices, location, options, recorder) as source,
        ):
            training, figures = _train(devices, location.preset, source, options, recorder)
        record_devices(recorder, options, devices)
        recorder.provenance(
            model=options.model,
            precision=options.precision,
            jit=options.jit,
            deterministic=deterministic,
            ranks_agree=True,
        )
        if not deterministic:
            figures.pop("loss_step100", None)
            if fingerprint is not None:
                figures["loss_step100"] = fingerprint
        _record_figures(recorder, devices, figures)
        training.close()
    close_with_table(recorder, f"train: {options.output}", reports)


def _is_deterministic(preset: Preset, options: argparse.Namespace) -> bool:
    if options.deterministic and options.jit:
        raise UnusableInput(
            "XLA has no deterministic gradient of max-pooling: leave out --jit or --deterministic"
        )
    if options.deterministic is None:
        return preset.deterministic and not options.jit
    return bool(options.deterministic)


def _train(
    devices: Devices,
    preset: Preset,
    source: Source,
    options: argparse.Namespace,
    recorder: Recorder,
) -> tuple[Training, dict[str, float]]:
    feeds = together(devices, lambda: _open_feeds(devices, source))
    record_provenance(recorder, options, source.digest, "tensorflow", "keras")
    batch = options.global_batch or preset.global_batch
    _record_run(recorder, options, batch, feeds)
    limits = dataclasses.replace(
        preset.limits,
        epochs=options.epochs or preset.limits.epochs,
        max_steps=options.max_steps,
    )
    steps = limits.total_steps(steps_per_epoch(feeds[0].shares[0].samples, batch))
    stepper = _make_stepper(devices, preset, options, batch)
    settings = _settings(devices, options, batch, source.digest)
    telemetry = Telemetry() if options.no_telemetry else open_telemetry(devices)
    with (
        progress_of("training", steps, "steps", devices.reports) as advance,
        telemetry.sampled(recorder, devices.reports),
    ):
        training = Training(stepper, *feeds, limits, recorder, options.output, settings, advance)
        figures = training.run().figures()
    record_telemetry(recorder, devices, telemetry, training.images)
    record_utilisation(
        recorder,
        devices,
        stepper.model,
        (PATCH_SIZE, PATCH_SIZE, 3),
        figures.get("throughput"),
        options.precision,
        options.gpu_peak_tflops,
    )
    return training, figures


def _open_feeds(devices: Devices, source: Source) -> Feeds:
    """The training and validation splits."""
    return source.feed(devices, "training"), source.feed(devices, "validation")


def _settings(
    devices: Devices, options: argparse.Namespace, batch: int, digest: str
) -> dict[str, Any]:
    """What must be equal for a killed run to be continued, and for ranks to agree."""
    return {
        "workload_version": VERSION,
        "model": options.model,
        "seed": options.seed,
        "dataset_digest": digest,
        "pipeline": options.pipeline,
        "precision": options.precision,
        "global_batch": batch,
        "jit": options.jit,
        "replicas": devices.replicas,
    }


def _make_stepper(
    devices: Devices, preset: Preset, options: argparse.Namespace, batch: int
) -> Stepper:
    rate = LEARNING_RATES[options.model]
    model = make_model(devices, lambda: build(options.model), options.seed, options.precision)
    return Stepper(
        devices,
        model,
        make_adam(devices, rate, options.precision),
        PatchClassification(),
        batch,
        options.steps_per_execution or preset.steps_per_execution,
        options.jit,
    )


def _record_run(recorder: Recorder, options: argparse.Namespace, batch: int, feeds: Feeds) -> None:
    """Record the run's parameters under MLPerf's keys."""
    for key, value in (
        (constants.SEED, options.seed),
        (constants.GLOBAL_BATCH_SIZE, batch),
        (constants.TRAIN_SAMPLES, feeds[0].shares[0].samples),
        (constants.EVAL_SAMPLES, feeds[1].shares[0].samples),
        (constants.OPT_NAME, "adam"),
        (constants.OPT_BASE_LR, LEARNING_RATES[options.model]),
    ):
        recorder.event(key, value)


def _record_figures(recorder: Recorder, devices: Devices, figures: dict[str, float]) -> None:
    for name, value in figures.items():
        recorder.metric(name, value)
    recorder.metric("peak_memory_bytes", peak_memory_bytes())
    on_device = peak_device_memory_bytes(devices)
    if on_device is not None:
        recorder.metric("peak_device_memory_bytes", on_device)
