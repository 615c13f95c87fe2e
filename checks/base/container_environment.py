"""Which variables of a job are there in an image, and which must not be."""

from collections.abc import Iterable
from typing import Any

#: Of the Python that runs ReFrame, and of a checkout: the image has its own. Apptainer and its like
#: would pass them on.
OF_THE_HOST = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "TRIGPOINT_COMMIT")
#: What workloads read: by Docker and Podman a variable goes into an image only by its name.
READ_BY_WORKLOADS = (
    "TRIGPOINT_CACHE",
    "TRIGPOINT_FABRIC_INTERFACE",
    "TRIGPOINT_OFFLINE",
    "TF_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "NCCL_SOCKET_IFNAME",
    "SLURMD_NODENAME",
    "SLURM_JOB_ID",
    "SLURM_PROCID",
    "SLURM_STEP_ID",
    "SLURM_STEP_NODELIST",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_STEP_TASKS_PER_NODE",
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_RANK",
    "PMI_SIZE",
    "PBS_JOBID",
    "PBS_NODEFILE",
)


def passed_by_name(test: Any, platform: str) -> list[str]:
    """The names of all variables that a case needs inside, of the partition's settings too."""
    environments = [test.current_partition.local_env, test.current_environ]
    by_platform = test.current_partition.container_environs
    environments += [by_platform[name] for name in by_platform if name.lower() == platform]
    named: Iterable[str] = (name for each in environments for name in each.env_vars)
    names = dict.fromkeys((*READ_BY_WORKLOADS, *named, *test.env_vars))
    return [name for name in names if name not in OF_THE_HOST]
