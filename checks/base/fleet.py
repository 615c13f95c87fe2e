"""Compares equal cases of a session: what is computed must not depend on the node, nor on the run.

`loss_step100` is the loss after 100 steps of a seeded, deterministic run. On the same device, with
the same software and data it is the same to the last digit, or some node computes wrongly: also
where it is a node that differs from itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reframe.core.exceptions import SanityError

FINGERPRINT = "loss_step100"
#: Beside a check's own reference keys: what must be equal for two figures to be comparable.
SAME = (
    "seed",
    "dataset_digest",
    "device_name",
    "driver_version",
    "tensorflow_version",
    "keras_version",
    "python_version",
    "suite_commit",
    "image_digest",
)
FAILURE_CLASS = "hardware"


@dataclass(frozen=True)
class Fingerprint:
    """The figure of one case of a single node, on which, and what it may be compared with."""

    comparable: tuple[Any, ...]
    nodes: str
    value: float


def complaints(fingerprints: list[Fingerprint]) -> list[str | None]:
    """Why each of them is not to be trusted; None for those that agree with most nodes.

    A node that differs from itself is not to be trusted, nor asked about others. Where no value is
    found on more nodes than every other, none is to be trusted."""
    return [
        _complaint(each, [one for one in fingerprints if one.comparable == each.comparable])
        for each in fingerprints
    ]


def judge(tasks: Iterable[Any]) -> Iterator[tuple[Any, str]]:
    """Fails those tasks of ReFrame that computed something else than their equals.

    Yields each with the reason. Only cases that came to their figures are compared: those that
    passed, and those that missed a reference, whose own reason stands behind this one."""
    compared = [task for task in tasks if _has_figures(task)]
    found = complaints([_fingerprint(task) for task in compared])
    for task, complaint in zip(compared, found, strict=True):
        if complaint:
            before = f"; also {task.exc_info[1]}" if task.failed else ""
            reason = f"{FAILURE_CLASS}: {complaint}{before}"
            _fail(task, reason)
            yield task, reason


def _complaint(each: Fingerprint, equals: list[Fingerprint]) -> str | None:
    values_by_nodes: dict[str, set[float]] = {}
    for one in equals:
        values_by_nodes.setdefault(one.nodes, set()).add(one.value)

    here = values_by_nodes[each.nodes]
    if len(here) > 1:
        return (
            f"{FINGERPRINT} differs between runs on {each.nodes} with the same device and "
            f"software: {', '.join(map(repr, sorted(here)))}"
        )

    nodes_by_value: dict[float, set[str]] = {}
    for nodes, values in values_by_nodes.items():
        if len(values) == 1:
            nodes_by_value.setdefault(min(values), set()).add(nodes)

    if len(nodes_by_value) == 1:
        return None

    most = max(len(nodes) for nodes in nodes_by_value.values())
    trusted = [value for value, nodes in nodes_by_value.items() if len(nodes) == most]
    if len(trusted) > 1:
        groups = "; ".join(
            f"{value!r} on {_listed(nodes)}" for value, nodes in sorted(nodes_by_value.items())
        )
        return (
            f"{FINGERPRINT} differs between nodes with the same device and software, and no value "
            f"is on most of them: {groups}"
        )

    if each.value == trusted[0]:
        return None

    return (
        f"{FINGERPRINT} is {each.value!r} here on {_listed(nodes_by_value[each.value])}, "
        f"{trusted[0]!r} on {most} other nodes with the same device and software"
    )


def _listed(nodes: Iterable[str]) -> str:
    return ", ".join(sorted(nodes))


def _has_figures(task: Any) -> bool:
    records = getattr(task.check, "records", None)
    reached = task.succeeded or task.failed_stage == "performance"
    return reached and records is not None and FINGERPRINT in records.metrics and _is_single(task)


def _is_single(task: Any) -> bool:
    # A sum over several nodes may be made in another order the next time, and differ in rounding.
    return len(task.check.records.provenance.get("nodes") or [""]) == 1


def _fingerprint(task: Any) -> Fingerprint:
    check = task.check
    keys = [*check.reference_keys, *SAME]
    comparable = (type(check).__name__, *((key, getattr(check, key)) for key in keys))
    nodes = check.records.provenance.get("nodes") or check.job.nodelist
    where = "+".join(nodes or []) or f"the node of job {check.job.jobid}"
    return Fingerprint(comparable, where, check.records.metrics[FINGERPRINT].value)


def _fail(task: Any, reason: str) -> None:
    # A task's result is read from its stages: one that has ended passes whatever its failed stage.
    error = SanityError(reason)
    task.check.failure_class = FAILURE_CLASS
    task._current_stage = task._failed_stage = "sanity"
    task._exc_info = (SanityError, error, None)
    # The performance log has it as passed, and is only ever added to: the last word holds.
    task.log_result()
