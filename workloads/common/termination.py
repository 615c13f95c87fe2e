"""SIGTERM ends a stage in order: a scheduler sends it before it kills.

Python runs a signal's handler between two steps of the main thread. Where that waits inside
TensorFlow for a process that is gone, there is no next step; so a thread of its own is woken by the
signal as well, and ends the process when the main thread did not.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
MESSAGE = "ended by SIGTERM: cancelled, preempted, or over the job's time limit"
# Schedulers kill some seconds after SIGTERM; the first wait must be shorter than any of theirs.
_NOTICE_SECONDS = 1.0
_UNWIND_SECONDS = 20.0


class Terminated(BaseException):
    """SIGTERM came: unwinds the main thread."""

    def __init__(self) -> None:
        super().__init__(MESSAGE)


_noticed = threading.Event()
_last_acts: list[Callable[[], None]] = []
_listening = False


@contextlib.contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """While the block runs, SIGTERM raises Terminated in it, or ends the process."""
    global _listening
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _noticed.clear()
    ended = threading.Event()
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    handler = signal.getsignal(signal.SIGTERM)
    descriptor = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(woken, ended), daemon=True)
    watcher.start()
    _listening = True
    heed_sigterm()
    try:
        yield
    finally:
        _listening = False
        ended.set()
        signal.set_wakeup_fd(descriptor)
        signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)
        waker.close()
        watcher.join()


def heed_sigterm() -> None:
    """Take SIGTERM back from a library that has taken it, where `ending_on_sigterm` applies."""
    if _listening:
        signal.signal(signal.SIGTERM, _raise)


@contextlib.contextmanager
def last_act(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` when the block ends, and also when the process is ended from outside it."""
    _last_acts.append(act)
    try:
        yield
    finally:
        act()
        _last_acts.remove(act)


@contextlib.contextmanager
def ending_after(seconds: float, message: str) -> Iterator[None]:
    """End the process with `message` and exit code 1 when the block takes longer than `seconds`.

    For calls into libraries that wait without a limit and heed no signal.
    """
    timer = threading.Timer(seconds, end_process, (f"{message} within {seconds:g} s", 1))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def end_process(message: str, code: int) -> None:
    """End this process at once, whatever its main thread waits for, with one line of error."""
    for act in list(_last_acts):
        with contextlib.suppress(OSError):
            act()
    print(f"error: {message}", file=sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _raise(_number: int, _frame: FrameType | None) -> None:
    if not _noticed.is_set():
        _noticed.set()
        raise Terminated


def _watch(woken: socket.socket, ended: threading.Event) -> None:
    with woken:
        while received := woken.recv(1):
            if received[0] != signal.SIGTERM:
                continue
            limit = _UNWIND_SECONDS if _noticed.wait(_NOTICE_SECONDS) else 0.0
            if not ended.wait(limit):
                end_process(MESSAGE, EXIT_CODE)
