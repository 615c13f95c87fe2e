"""Stages of a workload, each in a process of its own as a user starts it."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
_RECORD = ":::MLLOG "


def command(workload: str, *arguments: object) -> list[str]:
    """The command of a stage, to be run in CHECKOUT."""
    return [sys.executable, "-m", f"workloads.{workload}", *map(str, arguments)]


def run(workload: str, *arguments: object) -> dict[str, float]:
    """Run a stage and return the metrics that it reports. Raises CalledProcessError."""
    done = subprocess.run(
        command(workload, *arguments), cwd=CHECKOUT, stdout=subprocess.PIPE, check=True, text=True
    )
    lines = (line for line in done.stdout.splitlines() if line.startswith(_RECORD))
    records = [json.loads(line.removeprefix(_RECORD)) for line in lines]
    return {
        record["key"]: record["value"]
        for record in records
        if record["metadata"]["kind"] == "metric"
    }
