"""The block of a GPU: what its runtime needs, without the C compilers that its images bring."""

from hpccm.primitives import environment, shell

from containers.bases import Base, Framework

# gcc-N-base holds no compiler, and the C library needs it. What compiles for the GPU stays: XLA
# calls it while it runs.
_COMPILERS = r"^(g\+\+|gcc|cpp|clang|gfortran|build-essential)(-[0-9][0-9.-]*)?$"


def runtime(base: Base) -> environment | None:
    """The variables by which containers are given the GPUs."""
    if base.gpus != "nvidia":
        return None
    return environment(
        variables={
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility",
            "NVIDIA_VISIBLE_DEVICES": "all",
        },
        _export=False,
    )


def without_compilers(base: Base) -> shell | None:
    """Removes the compilers that images with a framework of their own bring along."""
    if base.framework is Framework.INDEX:
        return None
    return shell(
        commands=[
            "dpkg-query -W -f '${Package}\\n' "
            f"| grep -E '{_COMPILERS}' | xargs -r apt-get purge -y",
            "rm -rf /var/lib/apt/lists/*",
        ]
    )
