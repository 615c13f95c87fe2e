"""The node's clock, beside that of the host that submitted the job."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from .asking import read, run

ROUNDS = 3
ROUND_SECONDS = 10


def clock_rounds(folder: str) -> list[list[float]]:
    """Asks the submit host for its time, through files: [asked, its time, answered] by round."""
    rounds: list[list[float]] = []
    for number in range(ROUNDS):
        answer = Path(folder, f"clock-answer-{number}")
        asked = time.time()
        deadline = time.monotonic() + ROUND_SECONDS
        Path(folder, f"clock-ask-{number}").touch()
        while time.monotonic() < deadline:
            # A listing makes a network file system look again for a name it did not have.
            if any(each.name == answer.name for each in os.scandir(folder)):
                text = read(answer)
                if text:
                    rounds.append([asked, float(text), time.time()])
                    break
            time.sleep(0.002)
        else:
            break

    return rounds


def time_service() -> str:
    """What the node's own time service says of itself."""
    code, text, _ = run(["chronyc", "-n", "tracking"], 10)
    if code == 0:
        status = re.search(r"^Leap status\s*:\s*(.*)$", text, re.MULTILINE)
        return f"chrony: {status.group(1).strip().lower()}" if status else "chrony"

    code, text, _ = run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], 10)
    if code == 0 and text.strip() in ("yes", "no"):
        return "timedatectl: " + ("synchronised" if text.strip() == "yes" else "not synchronised")

    return ""
