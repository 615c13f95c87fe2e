"""A pool of single-threaded processes that ends with the process that started it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from workloads.common.errors import RunFailed

Result = TypeVar("Result")


def available_processors() -> int:
    """The processors that this process may use, which a scheduler may have made few."""
    return len(os.sched_getaffinity(0))


def map_unordered(
    function: Callable[..., Result], jobs: Sequence[tuple[Any, ...]], processes: int
) -> Iterator[Result]:
    """Yield `function(*job)` for every job as it finishes; one process means this process.

    What a job raises is raised here, after the jobs already running have ended and without
    starting others. Raises RunFailed where a process of the pool was killed.
    """
    if min(processes, len(jobs)) <= 1:
        for job in jobs:
            yield function(*job)
        return
    # A fork of this process could inherit locks held by threads of TensorFlow. The fork server is
    # a fresh process, which imports `function` once for all its children.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    with ProcessPoolExecutor(
        min(processes, len(jobs)), mp_context=context, initializer=_begin_worker
    ) as pool:
        futures = [pool.submit(function, *job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool as error:
            raise RunFailed(
                "a process of the pool was killed, perhaps for want of memory: run again, "
                "with fewer processors if it happens again; what was finished is kept"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent process, and end when that has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
