"""Sites whose nodes have no internet, and where nothing is built while tests run."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from workloads.common.building import read_manifest
from workloads.common.errors import UnusableInput

OFFLINE_VARIABLE = "TRIGPOINT_OFFLINE"


def is_offline() -> bool:
    """Whether nothing is to be downloaded, drawn or packed here: any value says so but 0."""
    return os.environ.get(OFFLINE_VARIABLE, "") not in {"", "0"}


def require_present(folder: Path, command: Sequence[str | Path]) -> None:
    """Raise UnusableInput where this site is offline and `folder` is not finished.

    The message names the `command`, arguments of a Python interpreter, that makes it.
    """
    if is_offline() and read_manifest(folder) is None:
        words = shlex.join(["python", *map(str, command)])
        raise UnusableInput(
            f"{folder} is missing, and nothing is made here ({OFFLINE_VARIABLE} is set): run "
            f"`{words}` where building is allowed, such as a login node, without that variable"
        )
