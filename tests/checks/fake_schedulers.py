"""Schedulers that are not there: commands that answer as Slurm and Torque do of one job that never
starts. ReFrame calls them in the stage directory of the job, where they keep what became of it."""

from fake_checkout import Checkout
from fake_systems import configuration, partition, system

# The variables ANSWER, REFUSED, REASON and CANCELLED let Slurm refuse the job, give a reason why it
# waits, and say that somebody has cancelled it.
_COMMANDS = {
    "slurm": {
        "sinfo": "echo slurm 23.11.4",
        "sbatch": 'echo "$ANSWER" >&2; echo Submitted batch job 7; exit ${REFUSED:-0}',
        "scancel": "touch cancelled",
        "scontrol": 'shift 2; printf "%s\\n" "$@"',
        "squeue": 'echo "7|${REASON:-Priority}"',
        "sacct": """
            echo 'JobID|State|ExitCode|End|NodeList'
            if [ -e cancelled ] || [ "$CANCELLED" ]
            then echo '7|CANCELLED by 0|0:0|1700000000|None assigned'
            else echo '7|PENDING|0:0|Unknown|None assigned'
            fi""",
    },
    "torque": {
        "qsub": "echo 7.server",
        "qdel": "touch deleted",
        "qstat": """
            [ "$1" = --version ] && { echo 'Version: 6.1.3' >&2; exit; }
            [ -e deleted ] && exit 153
            printf 'Job Id: 7.server\\n    job_state = Q\\n'""",
    },
}


def place_scheduler(checkout: Checkout, name: str) -> dict[str, str]:
    """Puts the commands of a scheduler into a checkout, and a site `box` that has it for four nodes
    in its partition `cpu`; returns the environment in which ReFrame finds them."""
    for command, body in _COMMANDS[name].items():
        checkout.write(f"bin/{command}", f"#!/bin/sh\n{body}\n").chmod(0o755)

    often = {"slurm_pending_job_reason_poll_freq": 1}
    site = system("box", partition("cpu", nodes=4, scheduler=name, sched_options=often))
    checkout.write("systems/box.py", configuration(site))
    path = f"{checkout.folder / 'bin'}:/usr/bin:/bin"
    return {"PATH": path, "RFM_CONFIG_PATH": "systems", "RFM_SYSTEM": "box"}
