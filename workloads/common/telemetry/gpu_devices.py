"""Which of the driver's GPUs are this process's own, and the way to ask about them.

CUDA numbers its devices by CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER, NVML by the PCI bus whatever
these say. TensorFlow does not tell a device's address. Only the driver can say which is which:
CUDA's own UUID of a device, which for a MIG instance is that instance's.
"""

import ctypes
import uuid
from typing import Any

import tensorflow as tf

from workloads.common.telemetry.gpu_state import Gpu, GpuLost, ask, open_library

CUDA_DRIVER = "libcuda.so.1"


def open_cuda_driver() -> Any | None:
    """The CUDA driver's library; None where there is none."""
    try:
        return ctypes.CDLL(CUDA_DRIVER)
    except OSError:
        return None


def local_ordinals() -> list[int]:
    """CUDA's numbers of the GPUs that TensorFlow drives in this process."""
    return [int(gpu.name.rpartition(":")[2]) for gpu in tf.config.get_visible_devices("GPU")]


def find_gpus(library: Any, driver: Any, ordinals: list[int]) -> list[Gpu]:
    """The GPUs that CUDA numbers `ordinals` in this process, those left out that NVML knows not."""
    identities = [_identity(driver, ordinal) for ordinal in ordinals]
    found = [_lookup(library, identity) for identity in identities if identity is not None]
    return [gpu for gpu in found if gpu is not None]


def local_gpus() -> tuple[Any, list[Gpu]]:
    """NVML and this process's GPUs in it; (None, []) on a machine without an NVIDIA driver."""
    ordinals = local_ordinals()
    if not ordinals:
        return None, []
    library, driver = open_library(), open_cuda_driver()
    if library is None or driver is None:
        return None, []
    return library, find_gpus(library, driver, ordinals)


def _identity(driver: Any, ordinal: int) -> uuid.UUID | None:
    device, content = ctypes.c_int(), (ctypes.c_ubyte * 16)()
    # Every function returns 0 when it succeeds; no context is made, and no memory taken.
    if (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), ordinal)
        or driver.cuDeviceGetUuid_v2(ctypes.byref(content), device)
    ):
        return None
    return uuid.UUID(bytes=bytes(content))


def _lookup(library: Any, identity: uuid.UUID) -> Gpu | None:
    try:
        handle = ask(library, "nvmlDeviceGetHandleByUUID", f"GPU-{identity}")
        if handle is not None:
            return Gpu(f"GPU-{identity}", handle, handle)
        handle = ask(library, "nvmlDeviceGetHandleByUUID", f"MIG-{identity}")
        if handle is not None:
            board = ask(library, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle)
            return Gpu(f"MIG-{identity}", handle, board or handle, is_instance=True)
    except GpuLost:
        # Of any GPU of the node: CUDA will say whether it is one of ours.
        return None
    return None
