"""What a node runs on below everything that is installed with the suite: kernel and firmware.

Neither is chosen by whoever runs a workload, and both may change its figures overnight.
"""

import functools
import platform
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pynvml

from workloads.common.telemetry.gpu_sampling import PATIENCE_SECONDS
from workloads.common.telemetry.gpu_state import GpuLost, ask, open_library

SYSTEM_FIRMWARE = Path("/sys/class/dmi/id/bios_version")


class NodeVersions(NamedTuple):
    """The kernel's release, and the firmware as `BIOS 2.19.0` and `VBIOS 96.00.74.00.01`."""

    kernel: str
    firmware: list[str]


@functools.cache
def node_versions() -> NodeVersions:
    """The versions of this node; what it does not tell is left out.

    Asked once a process: an answer may take seconds.
    """
    of_gpus: list[str] = []
    # A driver whose GPU fell off the bus may never answer.
    asking = threading.Thread(target=lambda: of_gpus.extend(gpu_firmware(pynvml)), daemon=True)
    asking.start()
    asking.join(PATIENCE_SECONDS)
    return NodeVersions(platform.release(), [*system_firmware(), *of_gpus])


def told_by_all(nodes: Iterable[NodeVersions]) -> dict[str, str]:
    """Provenance of a run on these nodes: where they differ, all versions, sorted."""
    nodes = list(nodes)
    firmware = sorted({version for node in nodes for version in node.firmware})
    told = {"kernel_version": ", ".join(sorted({node.kernel for node in nodes}))}
    return told | ({"firmware_version": "; ".join(firmware)} if firmware else {})


def system_firmware(path: Path = SYSTEM_FIRMWARE) -> list[str]:
    """The firmware of the node itself, where it may be read."""
    try:
        version = path.read_text(errors="replace").strip()
    except OSError:
        return []
    return [f"BIOS {version}"] if version else []


def gpu_firmware(library: Any) -> list[str]:
    """The firmware of the GPUs that NVML shows here, each version once; none without a driver."""
    if open_library(library) is None:
        return []
    versions = {_vbios(library, index) for index in range(ask(library, "nvmlDeviceGetCount") or 0)}
    return [f"VBIOS {version}" for version in sorted(versions - {""})]


def _vbios(library: Any, index: int) -> str:
    try:
        device = ask(library, "nvmlDeviceGetHandleByIndex", index)
        return "" if device is None else ask(library, "nvmlDeviceGetVbiosVersion", device) or ""
    except GpuLost:
        return ""
