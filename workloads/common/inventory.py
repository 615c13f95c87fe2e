"""What TensorFlow on this machine was built for, and the devices that it sees."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

# The instruction sets that decide how fast TensorFlow computes on a processor.
TOLD_FEATURES = (
    "avx",
    "avx2",
    "fma",
    "avx512f",
    "avx512_vnni",
    "avx512_bf16",
    "avx_vnni",
    "amx_tile",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "sve",
    "sve2",
    "bf16",
)


@dataclass(frozen=True)
class VisibleGpu:
    """A GPU as TensorFlow sees it; the compute capability is empty where it has none."""

    name: str
    compute_capability: str


@dataclass(frozen=True)
class Inventory:
    """TensorFlow's version and build, and what it can compute on."""

    version: str
    build: str
    gpus: list[VisibleGpu]
    processor_features: list[str]


def take_inventory() -> Inventory:
    """Ask TensorFlow, without taking any memory of a GPU."""
    gpus = [
        VisibleGpu(
            str(details.get("device_name", "unknown GPU")),
            ".".join(map(str, details.get("compute_capability", ()))),
        )
        for details in map(
            tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU")
        )
    ]
    return Inventory(tf.__version__, build_name(), gpus, processor_features())


def build_name() -> str:
    """What this TensorFlow was built for: `CUDA 12.5.1`, `ROCm 6.0` or `the CPU`."""
    build = tf.sysconfig.get_build_info()
    if build.get("is_cuda_build"):
        return f"CUDA {build.get('cuda_version', '')}".strip()
    if build.get("is_rocm_build"):
        return f"ROCm {build.get('rocm_version', '')}".strip()
    return "the CPU"


def processor_features() -> list[str]:
    """Those of `TOLD_FEATURES` that the kernel finds in the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    present = set(flags.partition(":")[2].split())
    return [feature for feature in TOLD_FEATURES if feature in present]
