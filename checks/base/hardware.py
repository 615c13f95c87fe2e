"""Defects of GPUs that telemetry saw during a run: the device's failure, not the run's."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# Xid events that an application causes, not the device: a fault of its kernel's, an access outside
# its memory, its own end. https://docs.nvidia.com/deploy/xid-errors
APPLICATION_XIDS = {13, 31, 45}
# What processes that do not report, or whose GPU is lost, write to standard error. A launcher may
# put a rank in front.
_LAST_WORD = re.compile(r"trigpoint: gpu_health (.*)$", re.MULTILINE)


def complaints(provenance: Mapping[str, Any]) -> Iterator[str]:
    """What the records' `gpu_health` says of defects: uuid, node and what, one line for each.

    It is a list with one dictionary for each GPU of the run; on machines without, it is absent.
    Throttling and rows that wait to be remapped are told there too, but are no failures.
    """
    if "gpu_health" in provenance:
        yield from _defects(provenance["gpu_health"])


def complaints_in(stderr: str) -> Iterator[str]:
    """What processes wrote to standard error of their GPUs when the run failed, judged the same.

    A defect of a GPU of the first process may be in the records as well.
    """
    for text in _LAST_WORD.findall(stderr):
        try:
            health = json.loads(text)
        except ValueError:
            yield f"gpu_health on standard error is cut short or garbled: {text}"
        else:
            yield from _defects(health)


def _defects(health: Any) -> Iterator[str]:
    if not isinstance(health, list):
        yield f"gpu_health is not a list of GPUs: {health!r}"
        return

    for gpu in health:
        if not _is_well_formed(gpu):
            yield f"gpu_health cannot be judged: {gpu!r}"
        else:
            where = f"GPU {gpu['uuid']} of node {gpu['node']}"
            yield from (f"{where} {defect}" for defect in _defects_of(gpu))


def _defects_of(gpu: Mapping[str, Any]) -> Iterator[str]:
    if "lost" in gpu:
        yield f"was lost: {gpu['lost']}"

    gained = gpu.get("uncorrected_ecc_errors_gained", 0)
    if gained:
        yield f"gained {gained} uncorrected ECC error{'s' if gained > 1 else ''}"

    for xid in dict.fromkeys(gpu.get("xid_events", [])):
        if xid not in APPLICATION_XIDS:
            yield f"had Xid {xid}"


def _is_well_formed(gpu: Any) -> bool:
    if not isinstance(gpu, dict):
        return False

    xids = gpu.get("xid_events", [])
    return (
        all(isinstance(gpu.get(name), str) and gpu[name] for name in ("uuid", "node"))
        and isinstance(gpu.get("lost", ""), str)
        and _is_count(gpu.get("uncorrected_ecc_errors_gained", 0))
        and isinstance(xids, list)
        and all(_is_count(xid) for xid in xids)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
