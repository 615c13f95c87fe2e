"""What the suite knows of schedulers beside ReFrame: how 4.10.4 misreads Slurm's words, whether a
job ever started, login nodes, and versions."""

import functools
import shutil
import subprocess
from pathlib import Path
from typing import Any

import reframe.core.schedulers.slurm as slurm

from checks.base.sanity import one_line

# Jobs of this suite are never requeued (`--no-requeue`), so that these are ends. ReFrame takes
# them for pending and waits for ever, whatever `max_pending_time` says.
FINAL_STATES = {"PREEMPTED", "REVOKED"}

# What `sacct` and `scontrol` say of the nodes of a job that never had any.
NO_NODES = {None, "", "None", "None assigned", "(null)"}
# What tells a scheduler's version, by the names that ReFrame has for schedulers.
VERSION_COMMANDS = {
    **dict.fromkeys(("slurm", "squeue"), ("sinfo", "--version")),
    **dict.fromkeys(("pbs", "pbspro", "torque"), ("qstat", "--version")),
}
PATIENCE_SECONDS = 20

_reframe_says_completed = slurm.slurm_state_completed
_reframe_says_pending = slurm.slurm_state_pending
_reframe_says_nodes = slurm._SlurmJob.nodelist.fget


def install() -> None:
    """Let ReFrame see that such a job has ended, and which had no nodes; a second call changes
    nothing."""
    slurm.slurm_state_completed = _is_completed
    slurm.slurm_state_pending = _is_pending
    slurm._SlurmJob.nodelist = property(_nodes)


def _split(state: str | None) -> tuple[list[str], list[str]]:
    states = state.split(",") if state else []
    return [each for each in states if each in FINAL_STATES], [
        each for each in states if each not in FINAL_STATES
    ]


def _is_completed(state: str | None) -> bool:
    final, others = _split(state)
    return bool(final or others) and (not others or _reframe_says_completed(",".join(others)))


def _is_pending(state: str | None) -> bool:
    return _reframe_says_pending(",".join(_split(state)[1]))


def _nodes(job: Any) -> list[str]:
    # ReFrame asks Slurm for the hosts called "None" and "assigned", and is told that there are two.
    return [] if job._nodespec in NO_NODES else _reframe_says_nodes(job)


def has_started(job: Any, folder: str) -> bool:
    """Whether a job ever ran: its output is in the folder, or it was given nodes. The output of one
    whose node was lost may be lost too."""
    if job is None or job.jobid is None:
        return False

    return Path(folder, job.stdout).exists() or bool(job.nodelist)


@functools.cache
def version(scheduler: str) -> str:
    """The version of a scheduler that ReFrame calls so, in its own words, asked once a session; ""
    of none, or where it does not say."""
    command = VERSION_COMMANDS.get(scheduler)
    if command is None:
        return ""

    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""

    # Torque answers on standard error.
    lines = (answer.stdout + answer.stderr).strip().splitlines()
    return one_line(lines[0]) if lines and answer.returncode == 0 else ""


def is_login_node() -> bool:
    """Whether this machine submits to a batch scheduler: `sbatch` is there, and configured."""
    if not shutil.which("sbatch"):
        return False

    try:
        answer = subprocess.run(["sinfo"], capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return True

    # The commands alone, without a cluster, are on many a workstation.
    return "Could not establish a configuration source" not in answer.stderr
