"""The list of scenes that a conversion has set aside, and why."""

import csv
from collections.abc import Iterable
from pathlib import Path

from workloads.common.writing import replacing
from workloads.slstr.scene_reading import BrokenScene

FILE_NAME = "rejected.csv"


def write_rejected(output: Path, problems: Iterable[BrokenScene]) -> None:
    """Write `output / rejected.csv`, ordered by scene; without problems there is no such file."""
    path = output / FILE_NAME
    rows = sorted((problem.scene, problem.reason) for problem in problems)
    if not rows:
        path.unlink(missing_ok=True)
        return
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("scene", "reason"))
        writer.writerows(rows)
