"""What lets an image use the GPUs of a node: by the container platform and the maker of the GPUs.

A GPU whose `arch` in the site file is one of AMD's (`gfx90a`) is AMD's, any other NVIDIA's. Under
WSL2, which a partition says by its feature `wsl2`, NVIDIA's libraries lie elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

AMD, NVIDIA = "amd", "nvidia"
WSL2 = "wsl2"


@dataclass(frozen=True)
class GpuAccess:
    """Options of the platform, and variables of the job."""

    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


_AMD_DEVICES = GpuAccess(("--device /dev/kfd", "--device /dev/dri"))
# Enroot's hook takes an image that does not ask for GPUs for one that wants none.
_BY_HOOK = GpuAccess(
    variables={"NVIDIA_VISIBLE_DEVICES": "all", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
)
#: Sarus and Shifter give GPUs to every container where their administrators have set that up.
ACCESS = {
    ("apptainer", NVIDIA): GpuAccess(("--nv",)),
    ("apptainer", AMD): GpuAccess(("--rocm",)),
    ("singularity", NVIDIA): GpuAccess(("--nv",)),
    ("singularity", AMD): GpuAccess(("--rocm",)),
    ("docker", NVIDIA): GpuAccess(("--gpus all",)),
    ("docker", AMD): _AMD_DEVICES,
    ("podman", NVIDIA): GpuAccess(("--device nvidia.com/gpu=all",)),
    ("podman", AMD): _AMD_DEVICES,
    ("sarus", NVIDIA): GpuAccess(),
    ("sarus", AMD): GpuAccess(),
    ("shifter", NVIDIA): GpuAccess(),
    ("shifter", AMD): GpuAccess(),
    ("pyxis", NVIDIA): _BY_HOOK,
    ("pyxis", AMD): GpuAccess(),
}
_UNDER_WSL2 = GpuAccess(("--nv", "--nvccli"))


def vendor(partition: Any) -> str:
    """Who made the GPUs of a partition; empty where it has none."""
    gpus = [device for device in partition.devices if device.device_type == "gpu"]
    if not gpus:
        return ""

    return AMD if any(str(gpu.info.get("arch")).startswith("gfx") for gpu in gpus) else NVIDIA


def gpu_access(platform: str, partition: Any) -> GpuAccess:
    """How a case that computes on GPUs gets to them on a partition."""
    maker = vendor(partition)
    if not maker:
        return GpuAccess()

    if WSL2 in partition.features and ACCESS[platform, maker].options == ("--nv",):
        return _UNDER_WSL2

    return ACCESS[platform, maker]
