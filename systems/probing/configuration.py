"""ReFrame's configuration, loaded as ReFrame's own command line does, in this process."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import reframe.core.config as configuration
import reframe.core.runtime as rt
from reframe.core.exceptions import ReframeError
from reframe.core.systems import System

from systems.probing.errors import UnusableInput, one_line

# ReFrame's command line takes these from the environment.
FOLDERS = {"systems/prefix": "RFM_PREFIX", "systems/stagedir": "RFM_STAGE_DIR"}


def configuration_files(given: Sequence[str] = ()) -> list[str]:
    """The files that `-C`, else RFM_CONFIG_FILES and RFM_CONFIG_PATH name."""
    folders = os.environ.get("RFM_CONFIG_PATH", "").split(":")
    named = list(given) or os.environ.get("RFM_CONFIG_FILES", "").split(":")
    return configuration.find_config_files(
        [each for each in folders if each], [each for each in named if each]
    )


def load(files: Sequence[str | Path], system: str | None) -> Any:
    """The site configuration with `system`, or the one of this host, selected.

    Raises UnusableInput, with ReFrame's reason, for a file that ReFrame would not take."""
    try:
        loaded = configuration.load_config(*map(str, files))
        loaded.validate()
        loaded.select_subconfig(system, ignore_resolve_errors=True)
        System.create(loaded)
    except (ReframeError, OSError) as error:
        cause = getattr(error.__cause__, "message", None) or error.__cause__
        reason = f"{error}: {cause}" if cause else str(error)
        raise UnusableInput(f"the configuration cannot be loaded: {one_line(reason)}") from error
    except Exception as error:
        # A site file is a program of its own, and may fail in any way.
        reason = one_line(f"{type(error).__name__}: {error}")
        raise UnusableInput(f"the configuration cannot be loaded: {reason}") from error

    return loaded


def select(files: Sequence[str | Path], system: str | None) -> System:
    """Loads the configuration and makes it the one of this process; its system.

    Raises UnusableInput also on a login node that no site file names, unless the system was named:
    what is asked for by name is meant."""
    loaded = load(files, system)
    for option, variable in FOLDERS.items():
        if os.environ.get(variable):
            loaded.add_sticky_option(option, os.environ[variable])

    rt.init_runtime(loaded)
    chosen = rt.runtime().system
    if system is None and chosen.name == "generic":
        _refuse_a_login_node()

    return chosen


def _refuse_a_login_node() -> None:
    program = batch_scheduler()
    if program:
        raise UnusableInput(
            f"this machine has a batch scheduler ({program}) but no site file names it: write one"
            " with `python -m systems detect`, set RFM_CONFIG_PATH to its folder, or give --system"
        )


def batch_scheduler() -> str:
    """The command by which this machine submits to a batch scheduler, or an empty text; Slurm's
    commands alone, without a cluster, are on many a workstation. The checks have the same rule for
    Slurm in `checks/base/scheduling.py`, which this room may not import."""
    if not shutil.which("sbatch"):
        return "qsub" if shutil.which("qsub") else ""

    try:
        answer = subprocess.run(["sinfo"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "sbatch"

    configured = "Could not establish a configuration source" not in answer.stderr
    return "sbatch" if configured else ""
