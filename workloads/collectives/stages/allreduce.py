"""The stage `allreduce`: time sums over all replicas, of several sizes and of models' gradients."""

import argparse
import os
import time
from collections.abc import Iterator

from workloads.collectives import VERSION
from workloads.collectives.gradients import MODELS, gradient_lengths
from workloads.collectives.presets import PRESETS, Preset
from workloads.collectives.reduction import BYTES_PER_ELEMENT, Reduction
from workloads.collectives.report import print_timings, record_timings
from workloads.collectives.timing import Timing, timing_of
from workloads.common.computing import record_computing_devices
from workloads.common.devices import Devices, open_devices
from workloads.common.errors import UnusableInput
from workloads.common.group.peers import naming_lost_peers
from workloads.common.group.process_group import process_group
from workloads.common.progress import Advance, print_table, progress_of
from workloads.common.provenance import record_run
from workloads.common.records import Recorder, recording
from workloads.common.writing import only_run

# Tracing, connections and their buffers; the second call is already like every later one.
WARMUP_CALLS = 2


def run(options: argparse.Namespace) -> None:
    """Measure as the options say. Raises UnusableInput and RunFailed."""
    preset = PRESETS[options.preset]()
    reports = process_group(os.environ).rank == 0
    with (
        only_run(options.output, reports),
        recording("allreduce", options.output, reports) as recorder,
    ):
        devices = open_devices(options.gpus, deterministic=False)
        if devices.replicas == 1:
            raise UnusableInput(
                "one replica has nothing to reduce: ask for several GPUs (--gpus), or start "
                "several processes in a Slurm job, `srun --ntasks=2 python -m "
                "workloads.collectives allreduce ...`, or elsewhere each with its TF_CONFIG"
            )
        record_run(recorder, options, "collectives", VERSION, "numpy", "tensorflow", "keras")
        record_computing_devices(recorder, options.gpus, devices)
        with naming_lost_peers(devices.group):
            timings = _measure(devices, preset, recorder)
        # Every rank has compared every sum with the known one, and learnt of the others' verdicts.
        recorder.provenance(ranks_agree=True)
    if reports:
        print_timings(timings)
        print_table(f"allreduce: {options.output}", recorder.figures)


def _measure(devices: Devices, preset: Preset, recorder: Recorder) -> list[Timing]:
    messages = [(_size(each), (each // BYTES_PER_ELEMENT,)) for each in preset.message_bytes()]
    gradients = [(name, gradient_lengths(build)) for name, build in MODELS.items()]
    cases = [*messages, *gradients]
    total = len(cases) * (WARMUP_CALLS + preset.calls)
    with progress_of("reducing", total, "calls", devices.reports) as advance:
        timings = [_time(devices, preset, *case, advance) for case in cases]
    record_timings(recorder, timings[: len(messages)], timings[len(messages) :])
    return timings


def _time(
    devices: Devices, preset: Preset, name: str, lengths: tuple[int, ...], advance: Advance
) -> Timing:
    reduction = Reduction(devices, lengths, preset.repetitions)
    for _ in range(WARMUP_CALLS):
        reduction.require_known(reduction.reduce())
        advance(1)
    seconds = list(_calls(reduction, preset, advance))
    return timing_of(name, lengths, reduction.bytes, devices.replicas, seconds)


def _calls(reduction: Reduction, preset: Preset, advance: Advance) -> Iterator[float]:
    for _ in range(preset.calls):
        started = time.perf_counter()
        sums = reduction.reduce()
        yield (time.perf_counter() - started) / preset.repetitions
        reduction.require_known(sums)
        advance(1)


def _size(count: int) -> str:
    units = ["B", "KiB", "MiB", "GiB"]
    while count >= 1024:
        count //= 1024
        units.pop(0)
    return f"{count} {units[0]}"
