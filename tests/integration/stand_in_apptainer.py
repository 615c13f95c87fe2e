"""A node with Apptainer, on a machine that need not have it."""

from pathlib import Path

from cluster_session import Cluster

# It gives a version, and starts whatever it is told to start.
_ANSWERS = """\
#!/bin/sh
case $1 in
    --version) echo apptainer version 1.4.5 ;;
    exec) exit 0 ;;
    *) exit 1 ;;
esac
"""


def path_with_apptainer(cluster: Cluster) -> str:
    """The PATH by which commands, and the jobs that they submit, find one."""
    program = Path(cluster.prefix, "programs/apptainer")
    program.parent.mkdir(exist_ok=True)
    program.write_text(_ANSWERS)
    program.chmod(0o755)
    return f"{program.parent}:{cluster.slurm.environment['PATH']}"
