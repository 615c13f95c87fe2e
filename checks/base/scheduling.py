"""What the suite knows of Slurm beside ReFrame: how 4.10.4 misreads states, and login nodes."""

import shutil
import subprocess

import reframe.core.schedulers.slurm as slurm

# Jobs of this suite are never requeued (`--no-requeue`), so that these are ends. ReFrame takes
# them for pending and waits for ever, whatever `max_pending_time` says.
FINAL_STATES = {"PREEMPTED", "REVOKED"}

_reframe_says_completed = slurm.slurm_state_completed
_reframe_says_pending = slurm.slurm_state_pending


def install() -> None:
    """Let ReFrame see that such a job has ended; a second call changes nothing."""
    slurm.slurm_state_completed = _is_completed
    slurm.slurm_state_pending = _is_pending


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


def is_login_node() -> bool:
    """Whether this machine submits to a batch scheduler: `sbatch` is there, and configured."""
    if not shutil.which("sbatch"):
        return False

    try:
        answer = subprocess.run(["sinfo"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return True

    # The commands alone, without a cluster, are on many a workstation.
    return "Could not establish a configuration source" not in answer.stderr
