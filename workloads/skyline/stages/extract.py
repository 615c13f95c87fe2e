"""The stage `extract`: photographs in, skylines out, as JSON and drawn into the picture."""

import argparse
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from mlperf_logging.mllog import constants

from workloads.common.building import read_manifest
from workloads.common.computing import record_computing_devices
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.inference import open_one_device, require_one_process
from workloads.common.path_lists import read_list
from workloads.common.progress import progress_of
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run
from workloads.skyline import VERSION
from workloads.skyline.dataset import Location, layout_digest, testing_photographs
from workloads.skyline.exports import Export, find_export
from workloads.skyline.extracting import Extraction, Outcome, extract_all, warm_up
from workloads.skyline.networks import (
    TrainedNetwork,
    describe_checkpoint,
    network_of_checkpoint,
    network_of_export,
)
from workloads.skyline.photographs import Photograph, find_photographs
from workloads.skyline.reading import BrokenPhotograph
from workloads.skyline.report import close_with_table, record_run_of_skyline
from workloads.skyline.scoring import Score

_MOST_NAMED = 20


def run(options: argparse.Namespace) -> None:
    """Extract as the options say. Raises UnusableInput.

    What can be refused is refused before anything is written: with records of a refused run a
    folder would look like one of results.
    """
    require_one_process(os.environ)
    root = _dataset(options)
    photographs = find_photographs(_given(options, root), options.output)
    export = _require_network(options)
    with only_run(options.output), recording("extract", options.output) as recorder:
        network = _open_network(options, export, recorder)
        extraction = Extraction(
            network.infer,
            options.output,
            _made_with(network, options.longest_side),
            options.longest_side,
            options.skip_broken,
            annotated=root is not None,
        )
        tally, seconds = _extract(extraction, photographs)
        _record_provenance(recorder, options, network, tally, root)
        _record_figures(recorder, tally, seconds)
    close_with_table(recorder, f"extract: {options.output}")


def _dataset(options: argparse.Namespace) -> Path | None:
    """The dataset whose testing photographs are to be read; None where others were named."""
    if not (options.photographs or options.list):
        return Location.of(options).patches()
    if options.data is not None:
        raise UnusableInput(
            "--data is of no use where photographs are named: leave out one of both"
        )
    return None


def _given(options: argparse.Namespace, root: Path | None) -> list[Path]:
    if root is None:
        return [*options.photographs, *(read_list(options.list) if options.list else [])]
    return [testing_photographs(root)]


def _require_network(options: argparse.Namespace) -> Export | None:
    """The exported network, if one was named. UnusableInput where there is no network of use."""
    if options.exported is None:
        describe_checkpoint(options.checkpoint)
        return None
    export = find_export(options.exported)
    if export.form == "tflite" and options.gpus:
        raise UnusableInput("TensorFlow Lite computes on the CPU here: give --gpus 0")
    return export


def _open_network(
    options: argparse.Namespace, export: Export | None, recorder: Recorder
) -> TrainedNetwork:
    """Open the network on its device, and record what that is."""
    lite = export is not None and export.form == "tflite"
    devices = open_one_device(0 if lite else options.gpus)
    record_computing_devices(recorder, options.gpus, devices)
    if export is not None:
        return network_of_export(export)
    return network_of_checkpoint(options.checkpoint, devices)


def _made_with(network: TrainedNetwork, longest_side: int) -> dict[str, str | int]:
    return {
        "workload_version": VERSION,
        "model": network.name,
        "model_form": network.form,
        "model_digest": network.digest,
        "precision": network.precision,
        "longest_side": longest_side,
    }


def _digest_of_dataset(root: Path) -> str:
    """Of its manifest, as training records it; else of its patches."""
    return str((read_manifest(root) or {}).get("digest") or layout_digest(root))


@dataclass
class _Tally:
    """What became of all photographs together: a folder may hold more than memory would."""

    computed: int = 0
    kept: int = 0
    broken: int = 0
    problems: list[BrokenPhotograph] = field(default_factory=list)
    score: Score = field(default_factory=Score)
    digest: FileSetDigest = field(default_factory=FileSetDigest)

    def add(self, outcome: Outcome) -> None:
        if outcome.result is None:
            self.broken += 1
            if outcome.problem is not None and len(self.problems) < _MOST_NAMED:
                self.problems.append(outcome.problem)
            return
        self.computed += outcome.computed
        self.kept += not outcome.computed
        # Names of files are bytes: they need not be UTF-8.
        name = os.fsencode(outcome.photograph.name).decode(errors="backslashreplace")
        self.digest.add(name, outcome.result.digest.encode())
        if outcome.score is not None:
            self.score += outcome.score


def _extract(extraction: Extraction, photographs: list[Photograph]) -> tuple[_Tally, float]:
    """What became of the photographs, and the seconds that it took; warm-up comes before."""
    warm_up(extraction.infer)
    tally = _Tally()
    started = time.perf_counter()
    with progress_of("extracting", len(photographs), "photographs") as advance:
        for outcome in extract_all(extraction, photographs):
            tally.add(outcome)
            advance(1)
    if tally.broken == len(photographs):
        raise UnusableInput(f"no photograph can be used; the first: {tally.problems[0]}")
    return tally, time.perf_counter() - started


def _record_provenance(
    recorder: Recorder,
    options: argparse.Namespace,
    network: TrainedNetwork,
    tally: _Tally,
    root: Path | None,
) -> None:
    """Record what the figures were measured with.

    A dataset of which photographs were passed over is not named by the digest of the whole.
    """
    whole = None if tally.broken else root
    record_run_of_skyline(recorder, options, "tensorflow", "keras", "pillow")
    recorder.provenance(
        dataset="synthetic" if root is not None and options.data is None else "given",
        dataset_digest=str(tally.digest) if whole is None else _digest_of_dataset(whole),
        engine="tensorflow",
        model=network.name,
        model_form=network.form,
        model_digest=network.digest,
        precision=network.precision,
        pipeline=network.pipeline,
        epochs_trained=network.epochs,
        ranks_agree=True,
    )


def _record_figures(recorder: Recorder, tally: _Tally, seconds: float) -> None:
    """Speed where all was computed now, error where anything was annotated."""
    recorder.event(constants.EVAL_SAMPLES, tally.computed + tally.kept)
    recorder.event("annotated_photographs", tally.score.photographs)
    recorder.event("kept_photographs", tally.kept)
    recorder.event("broken_photographs", tally.broken, problems=list(map(str, tally.problems)))
    # What was kept took time to read, and would count for nothing.
    if tally.computed and not tally.kept:
        recorder.metric("extraction_throughput", tally.computed / seconds)
    if tally.score.photographs:
        recorder.metric("skyline_error", tally.score.mean_absolute_error)
        recorder.metric("columns_within_3_pixels", tally.score.share_near)
