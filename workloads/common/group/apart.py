"""Work that the processes of a group do apart, while each makes sure that the others are there."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from workloads.common.devices import Devices
from workloads.common.group.agreement import largest
from workloads.common.group.peers import together

Result = TypeVar("Result")

INTERVAL_SECONDS = 1.0
_DONE, _WORKING, _FAILED = 0.0, 1.0, 2.0


def apart(devices: Devices, work: Callable[[threading.Event], Result]) -> Result:
    """Call `work` in every process, and return its result when all of them have ended.

    Where it fails in one, all fail, as in `together`. TensorFlow tells of a lost process only who
    waits for it: meanwhile the processes meet at every interval. `work` runs in a thread, and gets
    an event: when that is set, the others have failed, and it is to return soon, with anything.
    """
    stopping = threading.Event()
    if devices.group.processes == 1:
        return work(stopping)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work, stopping)
        try:
            while largest(devices, _state(future)) == _WORKING:
                wait([future], INTERVAL_SECONDS)
        finally:
            stopping.set()
        return together(devices, future.result)


def _state(future: "Future[Any]") -> float:
    if not future.done():
        return _WORKING
    return _DONE if future.exception() is None else _FAILED
