"""The loss after exactly 100 deterministic steps, for runs that are not deterministic themselves.

Deterministic operations cost speed on a GPU and hold for a whole process, so that a run measured
at full speed gets this figure from a short process of its own, before it takes the devices.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from workloads.common.errors import RunFailed
from workloads.common.provenance import CHECKOUT
from workloads.common.training import FINGERPRINT_STEP

FOLDER = "deterministic"


def measure_fingerprint(workload: str, options: argparse.Namespace) -> float:
    """Run `workload`'s train stage deterministically for 100 steps; return the last one's loss.

    Every process of the group calls this, and each starts its own part of the short run. A short
    run that was completed before is not repeated. Raises RunFailed when it fails.
    """
    output = options.output / FOLDER
    records = output / f"{options.stage}.records.log"
    if not (records.exists() and '"status": "success"' in records.read_text()):
        short = {
            "output": output,
            "deterministic": True,
            "max_steps": FINGERPRINT_STEP,
            # XLA compiles operations that have no deterministic form there.
            "jit": False,
        }
        command = [sys.executable, "-m", workload, options.stage]
        command += _arguments(argparse.Namespace(**vars(options) | short))
        paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        done = subprocess.run(command, stdout=subprocess.DEVNULL, env=environment)
        if done.returncode:
            raise RunFailed(
                f"the deterministic run of {FINGERPRINT_STEP} steps ended with exit code "
                f"{done.returncode}: its error is above"
            )
    return _loss(records)


def _arguments(options: argparse.Namespace) -> list[str]:
    arguments = []
    for name, value in vars(options).items():
        if name == "stage" or value is None or value is False:
            continue
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return arguments


def _loss(records: Path) -> float:
    for line in records.read_text().splitlines():
        record = json.loads(line.removeprefix(":::MLLOG "))
        if record["key"] == "loss_step100":
            return float(record["value"])
    raise RunFailed(f"{records} has no loss_step100")
