"""The commit of the checkout whose checks run."""

import functools
import os
import subprocess
import sys

from checks.base.bind_mounts import ROOT

_PATIENCE_SECONDS = 120
UNKNOWN = "unknown"


@functools.cache
def suite_commit() -> str:
    """In the words in which its workloads record it, asked once a session; UNKNOWN where they do
    not know it."""
    command = [sys.executable, "-m", "workloads.common.commit"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    try:
        answer = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return UNKNOWN

    return answer.stdout.strip() if answer.returncode == 0 else UNKNOWN
