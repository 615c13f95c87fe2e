"""The stage `train`: train the cloud mask on patches of scenes, and keep the best weights."""

import argparse
import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import keras
from mlperf_logging.mllog import constants

from workloads.common import checkpoints
from workloads.common.computing import record_computing_devices
from workloads.common.construction import make_adam, make_model
from workloads.common.data_order import most_shards, steps_per_epoch
from workloads.common.devices import (
    Devices,
    open_devices,
    peak_device_memory_bytes,
    peak_memory_bytes,
)
from workloads.common.fingerprint import measure_fingerprint
from workloads.common.group.peers import naming_lost_peers, together
from workloads.common.group.process_group import process_group
from workloads.common.inputs import Feed
from workloads.common.limits import Limits
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.steps import Stepper
from workloads.common.telemetry.reporting import Telemetry, open_telemetry, record_telemetry
from workloads.common.training import LoopState, Training
from workloads.common.utilisation import record_utilisation
from workloads.common.writing import only_run
from workloads.slstr import VERSION
from workloads.slstr.hdf_scenes import find_scene_files
from workloads.slstr.model import LEARNING_RATE, NAME, NORMALISATION, build
from workloads.slstr.networks import save_network
from workloads.slstr.objective import CloudMasking
from workloads.slstr.patch_feeds import Caching, SplitScenes, open_feeds, split_scenes
from workloads.slstr.presets import PRESETS, Preset
from workloads.slstr.product import CHANNELS
from workloads.slstr.report import close_with_table, record_run_of_slstr
from workloads.slstr.training_summary import add_to_summary, published_figures, require_summary


@dataclass(frozen=True)
class Settings:
    """What a run is to do: the preset's, but for what the options say."""

    options: argparse.Namespace
    preset: Preset
    deterministic: bool

    @property
    def batch_size(self) -> int:
        """Patches in a step of one replica."""
        return int(self.options.batch_size or self.preset.batch_size)

    @property
    def limits(self) -> Limits:
        """When training ends."""
        return dataclasses.replace(
            self.preset.limits,
            epochs=self.options.epochs or self.preset.limits.epochs,
            max_steps=self.options.max_steps or self.preset.limits.max_steps,
        )

    @property
    def caching(self) -> Caching:
        """How patches are kept."""
        return Caching(self.options.cache, self.options.scratch or self.options.output)


def run(options: argparse.Namespace) -> None:
    """Train as the options say. Raises UnusableInput and RunFailed."""
    preset = PRESETS[options.preset]()
    asked = options.deterministic
    settings = Settings(options, preset, preset.deterministic if asked is None else asked)
    scenes = split_scenes(find_scene_files(options.hdf), options.seed)
    if options.summary is not None:
        require_summary(options.summary)
    reports = process_group(os.environ).rank == 0
    with only_run(options.output, reports), recording("train", options.output, reports) as recorder:
        # The short run takes the devices, and so must have left them before this one does.
        fingerprint = None if settings.deterministic else _measure_fingerprint(options, reports)
        devices = open_devices(options.gpus, settings.deterministic)
        with naming_lost_peers(devices.group):
            training, state, figures = _train(devices, settings, scenes, recorder)
        if not settings.deterministic:
            figures.pop("loss_step100", None)
            if fingerprint is not None:
                figures["loss_step100"] = fingerprint
        _record_figures(recorder, devices, figures)
        if options.summary is not None and reports:
            add_to_summary(options.summary, _summary(devices, settings, state))
        training.close()
    close_with_table(recorder, f"train: {options.output}", reports)


def _measure_fingerprint(options: argparse.Namespace, reports: bool) -> float | None:
    # What that run would keep of its patches, this one reads again.
    short = argparse.Namespace(**vars(options) | {"summary": None, "cache": "none"})
    return measure_fingerprint("workloads.slstr", short, reports, ("hdf", "output"))


def _train(
    devices: Devices, settings: Settings, scenes: SplitScenes, recorder: Recorder
) -> tuple[Training, LoopState, dict[str, float]]:
    options = settings.options
    batch = settings.batch_size * devices.replicas
    feeds = together(
        devices, lambda: open_feeds(devices, scenes, options.seed, batch, settings.caching)
    )
    _record_run(recorder, devices, settings, scenes, feeds)
    stepper = _make_stepper(devices, settings, scenes, batch)
    samples = feeds[0].shares[0].samples
    steps = settings.limits.total_steps(steps_per_epoch(samples, batch, most_shards(batch)))
    kept = _settings(devices, settings, scenes)
    telemetry = Telemetry() if options.no_telemetry else open_telemetry(devices)
    with (
        progress_of("training", steps, "steps", devices.reports) as advance,
        telemetry.sampled(recorder, devices.reports),
    ):
        training = Training(
            stepper, *feeds, settings.limits, recorder, options.output, kept, advance
        )
        state = training.run()
    record_telemetry(recorder, devices, telemetry, training.images)
    figures = state.figures()
    side = scenes.patch_size
    record_utilisation(
        recorder,
        devices,
        stepper.model,
        (side, side, CHANNELS),
        figures.get("throughput"),
        options.precision,
        options.gpu_peak_tflops,
    )
    _save(devices, settings, stepper.model)
    return training, state, figures | published_figures(state)


def _make_stepper(devices: Devices, settings: Settings, scenes: SplitScenes, batch: int) -> Stepper:
    options = settings.options
    model = make_model(devices, build, options.seed, options.precision)
    model.get_layer(NORMALISATION).set_moments(scenes.moments)
    return Stepper(
        devices,
        model,
        make_adam(devices, LEARNING_RATE, options.precision),
        CloudMasking(scenes.packing),
        batch,
        options.steps_per_execution or settings.preset.steps_per_execution,
    )


def _settings(devices: Devices, settings: Settings, scenes: SplitScenes) -> dict[str, Any]:
    """What must be equal for a killed run to be continued, and for ranks to agree."""
    return {
        "workload_version": VERSION,
        "seed": settings.options.seed,
        "dataset_digest": scenes.digest,
        "precision": settings.options.precision,
        "batch_size": settings.batch_size,
        "replicas": devices.replicas,
    }


def _save(devices: Devices, settings: Settings, model: keras.Model) -> None:
    """Write the network with the weights of its best epoch."""
    if devices.reports:
        checkpoints.restore(settings.options.output / checkpoints.BEST, model)
        save_network(settings.options.output, model)


def _record_run(
    recorder: Recorder,
    devices: Devices,
    settings: Settings,
    scenes: SplitScenes,
    feeds: tuple[Feed, Feed],
) -> None:
    """Record what is trained, on what, and the run's parameters under MLPerf's keys."""
    options = settings.options
    record_run_of_slstr(recorder, options, "tensorflow", "keras", "h5py")
    record_computing_devices(recorder, options.gpus, devices)
    recorder.provenance(
        dataset_digest=scenes.digest,
        engine="tensorflow",
        model=NAME,
        precision=options.precision,
        packing=scenes.packing,
        patch_size=scenes.patch_size,
        batch_size=settings.batch_size,
        cache=options.cache,
        deterministic=settings.deterministic,
    )
    for key, value in (
        (constants.SEED, options.seed),
        (constants.GLOBAL_BATCH_SIZE, settings.batch_size * devices.replicas),
        (constants.TRAIN_SAMPLES, feeds[0].shares[0].samples),
        (constants.EVAL_SAMPLES, feeds[1].shares[0].samples),
        (constants.OPT_NAME, "adam"),
        (constants.OPT_BASE_LR, LEARNING_RATE),
        ("training_scenes", len(scenes.training)),
        ("test_scenes", len(scenes.testing)),
    ):
        recorder.event(key, value)


def _record_figures(recorder: Recorder, devices: Devices, figures: dict[str, float]) -> None:
    # The ranks have compared their weights when training ended.
    recorder.provenance(ranks_agree=True)
    for name, value in figures.items():
        recorder.metric(name, value)
    recorder.metric("peak_memory_bytes", peak_memory_bytes())
    on_device = peak_device_memory_bytes(devices)
    if on_device is not None:
        recorder.metric("peak_device_memory_bytes", on_device)


def _summary(
    devices: Devices, settings: Settings, state: LoopState
) -> dict[str, str | int | float]:
    """A row of the published table; as there, GPUs are those of a node."""
    nodes = len(dict.fromkeys(devices.group.nodes))
    return {
        "index": os.environ.get("SLURM_JOB_ID") or settings.options.output.name,
        "system": devices.group.nodes[0],
        "num_ranks": devices.replicas,
        "num_gpus": devices.gpus // nodes,
        **published_figures(state),
        "batch_size": settings.batch_size,
        "epochs": state.epochs,
        "learning_rate": LEARNING_RATE,
    }
