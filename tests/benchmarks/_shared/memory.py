"""The memory that stages take, all their processes together."""

import subprocess
from pathlib import Path

import psutil

from tests.benchmarks._shared.stages import CHECKOUT, command

SECONDS_BETWEEN_SAMPLES = 0.1


def peak_bytes(workload: str, *arguments: object) -> int:
    """Run a stage of a workload and return the most memory that it held at a time.

    Proportional set sizes of its processes: what several share is counted once. Raises
    CalledProcessError when the stage fails.
    """
    started = command(workload, *arguments)
    process = psutil.Popen(started, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _held_by(process))
        try:
            process.wait(SECONDS_BETWEEN_SAMPLES)
        except psutil.TimeoutExpired:
            continue
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, started)
    return peak


def _held_by(process: psutil.Process) -> int:
    held = 0
    try:
        for each in [process, *process.children(recursive=True)]:
            held += each.memory_full_info().pss
    except psutil.NoSuchProcess:
        # It ended between being listed and being asked.
        return held
    return held


def size_on_disk(folder: Path) -> int:
    """Bytes of the files in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
