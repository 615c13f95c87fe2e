"""The pool of processes: errors arrive, a killed worker is noticed, none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from workloads.common.errors import RunFailed
from workloads.common.pool import map_unordered


def raise_in_worker(number):
    if number == 3:
        raise OSError(28, "No space left on device", "some.jpg")
    return number


def kill_worker(_number):
    os.kill(os.getpid(), signal.SIGKILL)


def wait_in_worker(path):
    Path(path).write_text(str(os.getpid()))
    signal.pause()


def test_an_error_in_a_process_of_the_pool_is_raised_here():
    with pytest.raises(OSError, match=r"some\.jpg"):
        list(map_unordered(raise_in_worker, [(number,) for number in range(6)], processes=2))


def test_a_killed_process_of_the_pool_fails_the_run_in_words():
    with pytest.raises(RunFailed, match="run again"):
        list(map_unordered(kill_worker, [(1,), (2,)], processes=2))


def test_the_pool_ends_when_the_process_that_started_it_is_killed(tmp_path):
    call = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_pool import wait_in_worker\n"
        "from workloads.common.pool import map_unordered\n"
        f"jobs = [({str(tmp_path / 'one')!r},), ({str(tmp_path / 'two')!r},)]\n"
        "list(map_unordered(wait_in_worker, jobs, 2))\n"
    )
    run = subprocess.Popen([sys.executable, "-c", call])
    workers = [read_when_written(tmp_path / name) for name in ("one", "two")]
    run.kill()
    run.wait()
    for worker in workers:
        wait_until(partial(has_ended, worker))
        assert has_ended(worker)


def read_when_written(path):
    wait_until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


def has_ended(process):
    return not Path(f"/proc/{process}").exists()


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"{condition} never came true"
        os.sched_yield()
