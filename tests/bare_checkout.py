"""A bare checkout to run commands in, and what a run of the suite leaves there."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
REFRAME = Path(sys.executable).with_name("reframe")
# What a caller may have exported for a ReFrame, a cluster or a coverage of its own.
_FOREIGN = ("RFM_", "PYTHONPATH", "COV_", "TRIGPOINT_", "VIRTUAL_ENV", "SLURM_", "SBATCH_")


def clean_environment() -> dict[str, str]:
    """The caller's environment without what would change how the suite behaves."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code and all that it printed."""

    code: int
    text: str


@dataclass(frozen=True)
class Bare:
    """A copy of the checkout's own files, and a home where ReFrame keeps its reports."""

    folder: Path
    home: Path

    def run(self, *command: object, **variables: str) -> Finished:
        """Run a command here, with nothing exported but `variables`."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env=clean_environment() | {"HOME": str(self.home)} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return Finished(done.returncode, done.stdout)

    def reframe(self, *options: str, **variables: str) -> Finished:
        """Run `reframe --nocolor OPTIONS`."""
        return self.run(REFRAME, "--nocolor", *options, **variables)

    def report(self) -> dict[str, Any]:
        """The run report of the last session."""
        return json.loads((self.home / ".reframe/reports/latest.json").read_text())


def read_perflog(folder: Path, check: str, place: str = "generic/default") -> list[dict[str, str]]:
    """The rows of a check's performance log on a system and partition, by column."""
    header, *rows = (folder / place / f"{check}.log").read_text().splitlines()
    names = header.split("|")
    return [dict(zip(names, row.split("|"), strict=True)) for row in rows]


def copy_checkout(folder: Path) -> None:
    """Copy the files that a clone would have, as they are now, to `folder`."""
    listing = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


@dataclass(frozen=True)
class Suite:
    """A run of the suite: where, what it printed, its report, its page, and what it left."""

    bare: Bare
    finished: Finished
    report: dict[str, Any]
    page: Finished
    kept: Path

    def cases(self, check: str) -> list[dict[str, Any]]:
        """The cases of a check, as the report has them."""
        return [
            case for case in self.report["runs"][0]["testcases"] if case["name"].startswith(check)
        ]


def run_suite(bare: Bare, name: str, *options: str, **variables: str) -> Suite:
    """Run the suite, and put aside what the next run would change."""
    finished = bare.reframe("-c", "checks", "-r", *options, **variables)
    page = bare.run(sys.executable, "-m", "perflogs", "session")
    kept = bare.home / name
    for folder in ("output", "perflogs"):
        shutil.copytree(bare.folder / folder, kept / folder)
    (kept / "report.json").write_text(json.dumps(bare.report()))
    return Suite(bare, finished, bare.report(), page, kept)
