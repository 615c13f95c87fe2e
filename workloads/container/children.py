"""Processes that are started one at a time, timed, and ended with the stage."""

import contextlib
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads.common.errors import RunFailed, UnusableInput

#: Between SIGTERM, which a container hands on to what runs in it, and SIGKILL.
PATIENCE_SECONDS = 10.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_ERROR = "error: "
# What container platforms say beside the reason.
_REMARKS = ("INFO", "WARNING", "DEBUG")


@dataclass(frozen=True)
class Finished:
    """What a child printed on its standard output, and its seconds from start to end."""

    stdout: str
    seconds: float


def run_child(
    what: str, command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Finished:
    """Run a child in the folder of `log`, where LOG.out.log and LOG.err.log keep what it prints.

    `what` names it in errors. Raises UnusableInput where it cannot be started, or ends with exit
    code 2, and RunFailed where it ends with another; the message has the child's own reason.
    """
    outputs = [log.with_name(f"{log.name}.{stream}.log") for stream in ("out", "err")]
    with outputs[0].open("wb") as stdout, outputs[1].open("wb") as stderr:
        started = time.perf_counter()
        code = _wait(what, command, env=environment, cwd=log.parent, stdout=stdout, stderr=stderr)
        seconds = time.perf_counter() - started
    if code:
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        reason = last_words(outputs[1].read_text(errors="replace"))
        kind = UnusableInput if code == UnusableInput.exit_code else RunFailed
        raise kind(f"{what} {ended}: {reason}")
    return Finished(outputs[0].read_text(errors="replace"), seconds)


def last_words(stderr: str) -> str:
    """Why a child failed: its first `error: ` line, else its last one that is no mere remark."""
    lines = [line.strip() for line in _COLOURS.sub("", stderr).splitlines() if line.strip()]
    for line in lines:
        if line.startswith(_ERROR):
            return line.removeprefix(_ERROR)
    said = [line for line in lines if not line.startswith(_REMARKS)]
    return said[-1] if said else "nothing says why"


def _wait(what: str, command: Sequence[str], **how: Any) -> int:
    try:
        process = subprocess.Popen([*command], stdin=subprocess.DEVNULL, **how)
    except FileNotFoundError:
        raise UnusableInput(f"{what} cannot start: there is no program {command[0]} here") from None
    except PermissionError:
        raise UnusableInput(f"{what} cannot start: {command[0]} is no program") from None
    with process:
        try:
            return int(process.wait())
        except BaseException:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE_SECONDS)
            process.kill()
            raise
