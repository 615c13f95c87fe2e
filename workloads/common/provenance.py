"""What a figure was measured with: versions of the suite, the workload and its libraries."""

import argparse
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from workloads.common.node_versions import node_versions, told_by_all
from workloads.common.records import Recorder

CHECKOUT = Path(__file__).parents[2]


def suite_commit() -> str:
    """The checkout's commit, with "-modified" behind it when tracked files differ from it.

    An image has no checkout inside: there the variable TRIGPOINT_COMMIT says which it was built
    from. "unknown" when neither is to be had.
    """
    if stated := os.environ.get("TRIGPOINT_COMMIT"):
        return stated
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-modified" if _git("status", "--porcelain", "-uno") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def _git(*arguments: str) -> str:
    # The owner of a checkout on a shared file system is often not who runs the job.
    command = ["git", "-c", f"safe.directory={CHECKOUT}", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30)
    done.check_returncode()
    return done.stdout.strip()


def versions(*packages: str) -> dict[str, str]:
    """`NAME_version` of Python and of each installed package in `packages`."""
    found = {"python_version": platform.python_version()}
    for package in packages:
        found[f"{package.replace('-', '_')}_version"] = metadata.version(package)
    return found


def record_run(
    recorder: Recorder, options: argparse.Namespace, workload: str, version: str, *packages: str
) -> None:
    """Record which stage of which workload runs, in which size, and with which versions.

    Those of the node are of this process's; what computes in several processes tells of all of
    them later (computing.py).
    """
    recorder.provenance(
        stage=options.stage,
        workload=workload,
        workload_version=version,
        preset=options.preset,
        seed=options.seed,
        suite_commit=suite_commit(),
        **versions(*packages),
        **told_by_all([node_versions()]),
    )
