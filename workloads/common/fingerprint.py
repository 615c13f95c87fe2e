"""The loss after exactly 100 deterministic steps, for runs that are not deterministic themselves.

Deterministic operations cost speed on a GPU and hold for a whole process, so that a run measured
at full speed gets this figure from a short process of its own, before it takes the devices.
"""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from workloads.common.checkpoints import LAST
from workloads.common.errors import RunFailed
from workloads.common.own_code import own_code_environment
from workloads.common.records import MARK
from workloads.common.training import FINGERPRINT_STEP

FOLDER = "deterministic"


def measure_fingerprint(
    workload: str,
    options: argparse.Namespace,
    first_rank: bool,
    positional: tuple[str, ...] = (),
) -> float | None:
    """Run `workload`'s train stage deterministically for 100 steps; return the last one's loss.

    `positional` are the options that are given without their names, in their order.

    Every process of the group calls this, and each starts its own part of the short run. When a
    killed run is continued, the figure of its own short run is kept. None when the dataset and
    limits make fewer than 100 steps. Raises RunFailed when the short run fails.
    """
    output = options.output / FOLDER
    records = output / f"{options.stage}.records.log"
    if not ((options.output / LAST).exists() and records.exists()):
        if first_rank:
            # What an earlier run left here may have had other settings.
            shutil.rmtree(output, ignore_errors=True)
        short = {
            "output": output,
            "deterministic": True,
            "max_steps": FINGERPRINT_STEP,
            # XLA compiles operations that have no deterministic form there.
            "jit": False,
            # Copying the dataset twice would take longer than reading it where it is.
            "scratch": None,
            "no_telemetry": True,
        }
        command = [sys.executable, "-m", workload, options.stage]
        command += _arguments(vars(options) | short, positional)
        done = subprocess.run(command, stdout=subprocess.DEVNULL, env=own_code_environment())
        if done.returncode:
            raise RunFailed(
                f"the deterministic run of {FINGERPRINT_STEP} steps ended with exit code "
                f"{done.returncode}: its error is above"
            )
    return _loss(records)


def _arguments(options: dict[str, Any], positional: tuple[str, ...]) -> list[str]:
    arguments = [str(options[name]) for name in positional]
    for name, value in options.items():
        if name in ("stage", *positional) or value is None or value is False:
            continue
        arguments.append(f"--{name.replace('_', '-')}")
        if value is not True:
            arguments.append(str(value))
    return arguments


def _loss(records: Path) -> float | None:
    for line in records.read_text().splitlines():
        record = json.loads(line.removeprefix(MARK))
        if record["key"] == "loss_step100":
            return float(record["value"])
    return None
