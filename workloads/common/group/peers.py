"""What becomes of a process when another of its group is lost, or cannot go on."""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

import tensorflow as tf

from workloads.common.devices import Devices
from workloads.common.errors import RunFailed, UnusableInput, explain_os_error
from workloads.common.group.agreement import gather_text
from workloads.common.group.process_group import ProcessGroup

Result = TypeVar("Result")

_TASK = re.compile(r"/task:(\d+)")
_SIGNS_OF_LOSS = ("Collective ops is aborted", "remote process exited")


@contextlib.contextmanager
def naming_lost_peers(group: ProcessGroup) -> Iterator[None]:
    """Turn TensorFlow's errors about a lost process into a RunFailed that names rank and node.

    TensorFlow 2.21 ends every collective operation within two seconds when a process has ended,
    and, by missing heartbeats, within ten when a node went silent (measured on CPUs): nothing
    needs to be watched here.
    """
    try:
        yield
    except tf.errors.OpError as error:
        text = str(error)
        gone = isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError))
        if group.processes == 1 or not (gone or any(sign in text for sign in _SIGNS_OF_LOSS)):
            raise
        raise RunFailed(
            f"{_lost(group, text)} was lost in mid-run: it failed, was killed, or its node is "
            "gone; its own error, if it wrote one, says more"
        ) from error


def _lost(group: ProcessGroup, text: str) -> str:
    named = [int(task) for task in _TASK.findall(text)]
    others = [rank for rank in named if rank != group.rank and rank < group.processes]
    if not others:
        return "another process of the group"
    return f"rank {others[0]} on {group.host(others[0])}"


def together(devices: Devices, prepare: Callable[[], Result]) -> Result:
    """Call `prepare` in every process; where it fails in one, all fail, naming rank and node.

    Without this the others would go on to wait for what the failed one no longer sends.
    """
    if devices.group.processes == 1:
        return prepare()
    results: list[Result] = []
    problem: Exception | None = None
    try:
        results.append(prepare())
    except (UnusableInput, RunFailed, OSError) as error:
        problem = error
    told = gather_text(devices, _explain(problem))
    if problem is not None:
        raise problem
    problems = [
        f"rank {rank} on {devices.group.host(rank)}: {text}"
        for rank, text in enumerate(told)
        if text
    ]
    if problems:
        raise UnusableInput("; ".join(problems))
    return results[0]


def _explain(problem: Exception | None) -> str:
    if problem is None:
        return ""
    return explain_os_error(problem) if isinstance(problem, OSError) else str(problem)
