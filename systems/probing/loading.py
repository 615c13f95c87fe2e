"""Whether the suite's checks load for a system, by the suite's own rules: in a ReFrame of their
own, because a site is judged by `checks/base/site.py` and there shall be no second judge."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from systems.probing.errors import one_line
from systems.probing.findings import Finding
from systems.probing.job import CHECKOUT

SUBJECT = "the checks"
REMEDY = "mend the site file, or export what is missing; no job is submitted before"
SECONDS = 180


def loading(system: str, files: Sequence[str]) -> Finding:
    """Whether `reframe -c checks --system SYSTEM -l` ends well, with the same `-C` files."""
    command = [str(Path(sys.executable).with_name("reframe")), "--nocolor"]
    command += [word for file in files for word in ("-C", file)]
    command += ["-c", str(CHECKOUT / "checks"), "--system", system, "-l"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Finding(SUBJECT, False, f"did not load within {SECONDS} seconds", REMEDY)
    except OSError as error:
        return Finding(SUBJECT, False, f"{command[0]} cannot be run: {error.strerror}", REMEDY)

    if done.returncode:
        return Finding(SUBJECT, False, _error(done.stdout.decode(errors="replace")), REMEDY)

    return Finding(SUBJECT, True, "load for this system")


def _error(output: str) -> str:
    """What follows the first line that is an error, else the last line."""
    lines = [line for line in output.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if "error:" in line.lower():
            return one_line("; ".join(lines[number:]), 900)

    return one_line(lines[-1]) if lines else "do not load, and ReFrame says nothing"
