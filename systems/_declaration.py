"""What site files share: values from the environment, and what every Slurm partition declares.

A site file is loaded wherever the suite is, also on a laptop: a variable that is not set leaves an
option out or a folder empty here, and one that holds no name a mark that is refused later.
`checks/base/site.py` refuses to load the checks where a partition of the selected system lacks one
that it requires, or has such a mark."""

import os
import re
from typing import Any

ACCOUNT = "TRIGPOINT_ACCOUNT"
QOS = "TRIGPOINT_QOS"
RESERVATION = "TRIGPOINT_RESERVATION"
DATA = "TRIGPOINT_DATA"
IMAGES = "TRIGPOINT_IMAGES"
SCRATCH = "TRIGPOINT_SCRATCH"

# A blank would begin another option of the submission, a line break a command of the job script.
NAME = r"[\w.@:+-]+"
# In the place of what is no name, before the variable's own: a control character is in no option of
# a submission, and both the checks and `python -m systems` refuse to submit one.
NO_NAME = "\x1a"

# ReFrame's own environment: the workloads bring their interpreter, and no compiler is needed.
ENVIRONS = ["builtin"]

# The workloads that may have a real dataset and an image.
WORKLOADS = ("skyline", "slstr")

# Why Slurm keeps a job pending that will not start unless somebody does something about it. Not
# ReqNodeNotAvail: Slurm says it also of nodes that are only busy.
NEVER_STARTS = [
    "AccountNotAllowed",
    "AssocMaxNodePerJobLimit",
    "AssocMaxWallDurationPerJobLimit",
    "BadConstraints",
    "InvalidAccount",
    "InvalidQOS",
    "JobHeldAdmin",
    "JobHoldMaxRequeue",
    "PartitionConfig",
    "PartitionDown",
    "PartitionInactive",
    "PartitionNodeLimit",
    "PartitionTimeLimit",
    "QOSMaxNodePerJobLimit",
    "QOSMaxWallDurationPerJobLimit",
    "QOSNotAllowed",
    "ReservationDeleted",
]

SLURM = {
    "use_nodes_option": True,
    "job_submit_timeout": 60,
    "slurm_job_cancel_reasons": NEVER_STARTS,
    # ReFrame asks for the reasons once in so many polls, and polls as rarely as every 10 s.
    "slurm_pending_job_reason_poll_freq": 3,
}


def access(*options: str, **variables: str) -> list[str]:
    """The options of a submission, and `--name=VALUE` for each environment variable that is set:
    `access("--partition=gpu", account=ACCOUNT)`. One that holds no name becomes NO_NAME and the
    variable's own name."""
    given = [
        f"--{name}={value if re.fullmatch(NAME, value) else NO_NAME + variable}"
        for name, variable in variables.items()
        if (value := os.environ.get(variable))
    ]
    return [*options, *given]


def gpu_resource(option: str = "--gres=gpu:{num_gpus_per_node}") -> list[dict[str, Any]]:
    """The resource by which a case asks for the GPUs of a node."""
    return [{"name": "_rfm_gpu", "options": [option]}]


def storage_variable(kind: str) -> str:
    """The environment variable that names the folder for caches on a kind of storage."""
    return f"TRIGPOINT_STORAGE_{kind.upper()}"


def storage(*kinds: str) -> dict[str, str]:
    """The folder of each kind of storage, from `TRIGPOINT_STORAGE_KIND`."""
    return {kind: os.environ.get(storage_variable(kind), "") for kind in kinds}


def optional_folders(scratch: str = "") -> dict[str, Any]:
    """The extras that a site may have: its real datasets under `TRIGPOINT_DATA`, its images under
    `TRIGPOINT_IMAGES`, and its scratch: `TRIGPOINT_SCRATCH`, else `scratch`."""
    data, images = os.environ.get(DATA), os.environ.get(IMAGES)
    scratch = os.environ.get(SCRATCH) or scratch
    return {
        **({"data": {name: f"{data}/{name}" for name in WORKLOADS}} if data else {}),
        **({"images": {name: f"{images}/{name}.sif" for name in WORKLOADS}} if images else {}),
        **({"scratch": scratch} if scratch else {}),
    }
