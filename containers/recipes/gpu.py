"""The block of a GPU: what its runtime needs, without the C compilers that its images bring."""

from hpccm.primitives import environment, shell

from containers.bases import Base, Framework

# gcc-N-base holds no compiler, and the C library needs it; Ubuntu 24.04 has the compiler itself in
# gcc-N-x86-64-linux-gnu.
_COMPILERS = (
    r"^(g\+\+|gcc|cpp|clang|gfortran|build-essential)(-[0-9][0-9.]*)?(-[a-z0-9-]+-linux-gnu)?$"
)


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
            # Against what depends on them: cuda-nvcc does, whose assembler XLA calls as it runs.
            f"| grep -E '{_COMPILERS}' | xargs -r dpkg --purge --force-depends",
            "rm -rf /var/lib/apt/lists/*",
        ]
    )
