"""The memory that processes take, they and their children together."""

import subprocess
import time
from collections.abc import Container, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.benchmarks._shared.stages import CHECKOUT, command

SECONDS_BETWEEN_SAMPLES = 0.1


class Held(NamedTuple):
    """The most memory that a command held at a time, and what it took in seconds: by the clock, and
    of all processors together."""

    bytes: int
    wall: float
    cpu: float


def peak_bytes(workload: str, *arguments: object) -> int:
    """Run a stage of a workload and return the most memory that it held at a time.

    Raises CalledProcessError when the stage fails.
    """
    return held_by(command(workload, *arguments)).bytes


def held_by(
    started: list[str],
    environment: Mapping[str, str] | None = None,
    expected: Container[int] = (0,),
) -> Held:
    """Run a command in CHECKOUT and return what it took.

    Proportional set sizes of its processes: what several share is counted once. Raises
    CalledProcessError when its exit code is not `expected`.
    """
    began = time.perf_counter()
    process = psutil.Popen(started, cwd=CHECKOUT, stdout=subprocess.DEVNULL, env=environment)
    peak, cpu = 0, 0.0
    while process.poll() is None:
        held, cpu_so_far = _of(process)
        peak, cpu = max(peak, held), max(cpu, cpu_so_far)
        try:
            process.wait(SECONDS_BETWEEN_SAMPLES)
        except psutil.TimeoutExpired:
            continue
    if process.returncode not in expected:
        raise subprocess.CalledProcessError(process.returncode, started)
    return Held(peak, time.perf_counter() - began, cpu)


def _of(process: psutil.Process) -> tuple[int, float]:
    held, cpu = 0, 0.0
    for each in _with_children(process):
        # One that ended between being listed and being asked holds nothing, and its parent knows
        # what it took; the others still hold what they hold.
        with suppress(psutil.NoSuchProcess):
            pss, took = each.memory_full_info().pss, each.cpu_times()
            held += pss
            # Of children that have ended as well.
            cpu += took.user + took.system + took.children_user + took.children_system
    return held, cpu


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        # It has ended, and is about to be waited for.
        return []


def size_on_disk(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
