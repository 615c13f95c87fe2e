"""The stage `inference`: a trained network and scenes in, a cloud mask for each scene out."""

import argparse
import os
import threading
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple, dataclass

from mlperf_logging.mllog import constants

from workloads.common.computing import record_computing_devices
from workloads.common.devices import Devices, open_devices, peak_memory_bytes
from workloads.common.group.agreement import largest, require_equal, summed
from workloads.common.group.apart import apart
from workloads.common.group.peers import naming_lost_peers, together
from workloads.common.group.process_group import process_group
from workloads.common.inference import PlacedNetwork, place_copies
from workloads.common.progress import Advance, progress_of
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run
from workloads.slstr import VERSION
from workloads.slstr.hdf_scenes import SceneFile, dataset_digest, find_scene_files
from workloads.slstr.inferring import (
    Inference,
    infer_all,
    network_of_cores,
    repeated,
    unfinished,
    warm_up,
)
from workloads.slstr.model import NAME
from workloads.slstr.networks import SavedNetwork, load_network
from workloads.slstr.presets import PRESETS
from workloads.slstr.report import close_with_table, record_run_of_slstr
from workloads.slstr.scoring import Confusion
from workloads.slstr.tiling import require_usable_side


@dataclass(frozen=True)
class Tally:
    """What became of scenes together; tallies of several processes add up."""

    computed: int
    kept: int
    bayes: Confusion
    truth: Confusion

    def counts(self) -> list[int]:
        """All its numbers, for `of_counts`."""
        return [self.computed, self.kept, *astuple(self.bayes), *astuple(self.truth)]

    @classmethod
    def of_counts(cls, counts: list[int]) -> "Tally":
        """The tally of those numbers."""
        computed, kept, *pixels = counts
        return cls(computed, kept, Confusion(*pixels[:4]), Confusion(*pixels[4:]))


def run(options: argparse.Namespace) -> None:
    """Infer as the options say. Raises UnusableInput and RunFailed."""
    require_usable_side(options.tile)
    scenes = find_scene_files(options.hdf)
    reports = process_group(os.environ).rank == 0
    with (
        only_run(options.predictions, reports),
        recording("inference", options.predictions, reports) as recorder,
    ):
        record_run_of_slstr(recorder, options, "tensorflow", "keras", "h5py")
        devices = open_devices(options.gpus, deterministic=True)
        with naming_lost_peers(devices.group):
            network = together(
                devices, lambda: load_network(options.model, devices, options.precision)
            )
            copies = place_copies(devices, lambda: network_of_cores(network.model))
            tally, seconds = _infer(devices, options, scenes, network, copies)
            facts = dataset_digest(scenes)
            require_equal(devices, (copy.weights() + facts.encode() for copy in copies))
        _record_provenance(recorder, options, devices, network, facts)
        _record_figures(recorder, tally, seconds)
    close_with_table(recorder, f"inference: {options.predictions}", reports)


def _infer(
    devices: Devices,
    options: argparse.Namespace,
    scenes: list[SceneFile],
    network: SavedNetwork,
    copies: list[PlacedNetwork],
) -> tuple[Tally, float]:
    """What became of the scenes of all processes, and the seconds of the slowest of these."""
    made_with = {
        "workload_version": VERSION,
        "model_digest": network.digest,
        "precision": options.precision,
    }
    infers = [copy.infer for copy in copies]
    measured = PRESETS[options.preset]().limits.measured_seconds
    inference = Inference(infers, options.predictions, made_with, options.tile, measured)
    rank = devices.group.rank
    own = scenes[rank :: devices.group.processes]
    judged = len(own)
    if measured is not None and not own:
        # A rank more than there are scenes is measured too.
        own = [scenes[rank % len(scenes)]]
    together(devices, lambda: warm_up(inference, unfinished(inference, own)))
    total = len(own) if measured is None else None
    with progress_of("masking clouds", total, "scenes", devices.reports) as advance:
        tally, seconds = apart(
            devices, lambda stop: _infer_own(inference, own, judged, advance, stop)
        )
    return Tally.of_counts(summed(devices, tally.counts())), largest(devices, seconds)


def _infer_own(
    inference: Inference,
    scenes: list[SceneFile],
    judged: int,
    advance: Advance,
    stopping: threading.Event,
) -> tuple[Tally, float]:
    """What became of `scenes`, and the seconds that it took; cut short when it is to stop.

    The masks of the first `judged` are scored, and not those that are computed again to measure.
    """
    started = time.perf_counter()
    seconds = inference.measured_seconds
    order: Iterable[SceneFile] = scenes
    if seconds is not None:
        order = repeated(scenes, lambda: time.perf_counter() >= started + seconds)
    computed = kept = 0
    bayes = truth = Confusion()
    with closing(infer_all(inference, order)) as outcomes:
        for number, outcome in enumerate(outcomes):
            computed += outcome.computed
            kept += not outcome.computed
            if number < judged:
                bayes, truth = bayes + outcome.bayes, truth + outcome.truth
            advance(1)
            if stopping.is_set():
                break
    return Tally(computed, kept, bayes, truth), time.perf_counter() - started


def _record_provenance(
    recorder: Recorder,
    options: argparse.Namespace,
    devices: Devices,
    network: SavedNetwork,
    digest: str,
) -> None:
    """Record what the figures were measured with."""
    record_computing_devices(recorder, options.gpus, devices)
    recorder.provenance(
        dataset_digest=digest,
        engine="tensorflow",
        model=NAME,
        model_digest=network.digest,
        precision=options.precision,
        tile=str(options.tile or "whole scenes"),
        ranks_agree=True,
    )


def _record_figures(recorder: Recorder, tally: Tally, seconds: float) -> None:
    """Scores of all scenes; speed where all of them were computed now."""
    recorder.event(constants.EVAL_SAMPLES, tally.computed + tally.kept)
    recorder.event("kept_scenes", tally.kept)
    # What was kept took time to read, and would count for nothing.
    if not tally.kept:
        recorder.metric("total", seconds)
        recorder.metric("imgs_per_s", tally.computed / seconds)
    for name, confusion in (("bayes", tally.bayes), ("truth", tally.truth)):
        if confusion.pixels:
            recorder.metric(f"{name}_accuracy", confusion.accuracy)
            recorder.metric(f"{name}_f1", confusion.f1)
            recorder.metric(f"{name}_iou", confusion.iou)
    recorder.metric("peak_memory_bytes", peak_memory_bytes())
