"""A checkout to break things in: the suite's `checks/base` and `systems`, one fake check of a fake
workload, and ReFrame run on it as a user runs it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import reframe_process
from bare_checkout import clean_environment

ROOT = Path(__file__).resolve().parents[2]
FAKE_CHECK = """
import reframe as rfm
from checks.base.workload_check import WorkloadCheck


@rfm.simple_test
class FakeTrain(WorkloadCheck):
    workload = "fake"
    stage = "train"
    metrics = ("throughput", "validation_accuracy", "loss_step100")
    floors = {"validation_accuracy": 0.90}

    def arguments(self):
        return ["--gpus", str(self.num_gpus)]
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, and all it wrote."""

    code: int
    text: str


@dataclass(frozen=True)
class Checkout:
    """A folder with the suite in it, and a home of its own for what ReFrame keeps there."""

    folder: Path
    home: Path

    def write(self, path: str, text: str) -> Path:
        """Writes a file of the checkout."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def environment(self, fake: dict[str, Any] | None = None, **variables: str) -> dict[str, str]:
        """The environment for commands in this checkout: nothing of the caller's ReFrame."""
        own = {"HOME": str(self.home), "FAKE": json.dumps(fake or {}), "TMPDIR": str(self.home)}
        return {**clean_environment(), **own, **variables}

    def reframe(
        self, *options: str, fake: dict[str, Any] | None = None, **variables: str
    ) -> Outcome:
        """Runs `reframe -c checks` with these options."""
        output = self.home / "reframe.txt"
        options = ("--nocolor", "-c", "checks", *options)
        environment = self.environment(fake, **variables)
        code = reframe_process.run([*options], self.folder, environment, output)
        return Outcome(code, output.read_text())

    def report(self) -> dict[str, Any]:
        """The run report of the last session."""
        return json.loads((self.home / ".reframe/reports/latest.json").read_text())

    def perflog(
        self, check: str = "FakeTrain", place: str = "generic/default"
    ) -> list[dict[str, str]]:
        """The rows of a check's performance log on a system and partition, by column."""
        path = self.folder / "perflogs" / place / f"{check}.log"
        header, *rows = path.read_text().splitlines()
        names = header.split("|")
        return [dict(zip(names, row.split("|"), strict=True)) for row in rows]


def copy_checkout(target: Path) -> Checkout:
    """A checkout with the fake check alone, under `target`."""
    folder = target / "checkout"
    checks = (path.name for path in (ROOT / "checks").glob("[!_]*.py"))
    ignore = shutil.ignore_patterns("__pycache__", *checks)
    shutil.copytree(ROOT / "checks", folder / "checks", ignore=ignore)
    shutil.copytree(ROOT / "systems", folder / "systems", ignore=ignore)
    (folder / "systems/references/generic.yaml").unlink()
    made = Checkout(folder, target / "home")
    made.home.mkdir()
    made.write("checks/fake.py", FAKE_CHECK)
    made.write("workloads/__init__.py", "")
    made.write("workloads/common/__init__.py", "")
    for name in ("commit", "errors", "image_identity"):
        path = f"workloads/common/{name}.py"
        made.write(path, (ROOT / path).read_text())

    made.write("workloads/fake/__init__.py", "")
    fake = Path(__file__).with_name("fake_workload.py").read_text()
    made.write("workloads/fake/__main__.py", fake)
    return made
