"""Running an engine: everything it says goes into a log, and what matters onto the screen."""

import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from containers.errors import BuildFailed

_LAST_LINES = 15
_PATIENCE_SECONDS = 20
# What engines say when they come to something new.
_STEP = re.compile(
    r"^(?:\[\d+/\d+\] )?STEP \d+(?:/\d+)?: .*"
    r"|^(?:INFO|FATAL): ++(?!Adding|To see|Non-gzip).*"
    r"|^#\d+ \[.*"
    r"|^Downloading \S+ \(\d{2,}\.\d MB\)"
    r"|^Installing collected packages"
)
# The second is tar's word where the end of the room falls within a block.
_FULL = re.compile("no space left on device|wrote only [0-9]+ of [0-9]+ bytes", re.IGNORECASE)
_WIDTH = 100


@dataclass
class Progress:
    """Says what is being done, each line with the seconds since the start."""

    started: float = field(default_factory=time.monotonic)
    print: Callable[[str], None] = field(default=lambda line: print(line, flush=True))

    def say(self, text: str) -> None:
        """One line."""
        line = f"{self.elapsed():6.0f} s  {text}"
        self.print(line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…")

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started


def stream(
    command: Sequence[str],
    progress: Progress,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
) -> None:
    """Run `command`; on Ctrl-C and the like end all that it started.

    Raises:
        BuildFailed: it failed, with its last words.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        last = _follow(process, progress, log)
        code = process.wait()
    except BaseException:
        _end(process)
        raise
    if code:
        raise BuildFailed(_failure(command, code, last, log))


def _follow(process: "subprocess.Popen[str]", progress: Progress, log: Path) -> list[str]:
    last: deque[str] = deque(maxlen=_LAST_LINES)
    assert process.stdout is not None
    with log.open("a") as file:
        for line in process.stdout:
            file.write(line)
            stripped = line.strip()
            if stripped:
                last.append(stripped)
            if _STEP.match(stripped):
                progress.say(stripped)
    return list(last)


def _end(process: "subprocess.Popen[str]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.wait(_PATIENCE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue


def _failure(command: Sequence[str], code: int, last: Sequence[str], log: Path) -> str:
    said = "\n".join(last)
    print(said, file=sys.stderr)
    full = _FULL.search(log.read_text(errors="replace"))
    why = "no space left on device, there or in TMPDIR" if full else f"exit code {code}"
    return f"{' '.join(command[:3])} ... failed: {why}; all that it said is in {log}"
