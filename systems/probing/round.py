"""One round of probing: a job on every partition at the same time, watched until the last ends."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import reframe.core.runtime as rt
from reframe.core.systems import SystemPartition

from systems.probing import clock
from systems.probing.errors import UnusableInput
from systems.probing.job import ProbeJob, Questions

POLL_SECONDS = 0.5
REMINDER_SECONDS = 30


def say(text: str) -> None:
    """Tells the person who waits; results go to standard output, this does not."""
    print(text, file=sys.stderr, flush=True)


def probe(
    asked: Mapping[str, tuple[SystemPartition, Questions]],
    minutes: float,
    tell: Callable[[str], None] = say,
) -> dict[str, ProbeJob]:
    """Probes partitions, by name, and returns the ended jobs.

    A job that has not answered within `minutes` is cancelled, and so are all when this is
    interrupted; the folder of the jobs is removed."""
    workspace = _workspace()
    jobs = {
        name: ProbeJob(partition, workspace / partition.name)
        for name, (partition, _) in asked.items()
    }
    try:
        with clock.answering([job.workspace for job in jobs.values()]):
            for name, job in jobs.items():
                with _uninterrupted():
                    job.submit(asked[name][1])
                tell(f"probing {name}: {job.failure or f'job {job.number} is submitted'}")
            _watch(jobs, minutes, tell)
    finally:
        with _uninterrupted():
            left = {name: job for name, job in jobs.items() if job.number and not job.ended}
            for job in left.values():
                job.cancel("interrupted")
            shutil.rmtree(workspace, ignore_errors=True)
            for name, job in left.items():
                tell(f"probing {name}: {job.failure}")

    return jobs


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Puts an interruption off to the end: a job that was submitted must not be forgotten before
    its number is known, nor half of them be cancelled."""
    put_off: list[int] = []
    kept = {
        each: signal.signal(each, lambda number, _: put_off.append(number))
        for each in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for each, handler in kept.items():
            signal.signal(each, handler)

    if put_off:
        raise KeyboardInterrupt


def _unfinished(jobs: Iterable[ProbeJob]) -> list[ProbeJob]:
    return [job for job in jobs if not job.ended]


def _watch(jobs: Mapping[str, ProbeJob], minutes: float, tell: Callable[[str], None]) -> None:
    started = time.monotonic()
    told: dict[str, tuple[str, float]] = {}
    while _unfinished(jobs.values()):
        elapsed = time.monotonic() - started
        for name, job in jobs.items():
            if job.ended:
                continue

            job.poll()
            job.waited = time.monotonic() - started
            if job.ended:
                tell(f"probing {name}: {job.failure or f'job {job.number} has answered'}")
            elif elapsed > minutes * 60:
                reason = f"job {job.number} gave no answer in {minutes:g} minutes"
                job.cancel(f"{reason}: {job.pending_reason()}")
                tell(f"probing {name}: {job.failure}")
            else:
                _remind(name, job, elapsed, told, tell)
        time.sleep(POLL_SECONDS)


def _remind(
    name: str,
    job: ProbeJob,
    elapsed: float,
    told: dict[str, tuple[str, float]],
    tell: Callable[[str], None],
) -> None:
    state, when = told.get(name, ("", 0.0))
    if job.state != state or elapsed - when > REMINDER_SECONDS:
        tell(f"probing {name}: job {job.number} is {job.state}")
        told[name] = job.state, elapsed


def _workspace() -> Path:
    """A new folder where ReFrame stages its tests: compute nodes must see that one anyway."""
    stage = Path(rt.runtime().stage_prefix)
    try:
        stage.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="probing-", dir=stage))
    except OSError as error:
        raise UnusableInput(
            f"no job can be prepared in {stage} ({error.strerror}): name a folder that compute"
            " nodes see in RFM_STAGE_DIR"
        ) from error
