"""A bare checkout on a cluster: the commands of a user there, and what they leave behind."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bare_checkout import REFRAME, Bare, Finished, clean_environment, read_perflog
from slurm_cluster import SlurmCluster, missing_programs, wait_until

# The failures of a job are to be known within two minutes.
SECONDS = 120
TRAIN = ("-n", "SkylineTrain", "-P", "preset=tiny", "-P", "pipeline=packed")

#: Lines of a performance log by the metric that they are of.
Rows = dict[str, dict[str, str]]


def require_cluster() -> None:
    """Skips the test, or fails it where a cluster is required, saying what is missing."""
    missing = missing_programs()
    reason = ""
    if os.geteuid() != 0:
        reason = "a cluster of this machine's own needs root"
    elif missing:
        reason = f"not installed: {', '.join(missing)} (make integration installs them)"

    if reason and os.environ.get("TRIGPOINT_REQUIRE_CLUSTER"):
        pytest.fail(reason)
    elif reason:
        pytest.skip(reason)


@dataclass(frozen=True)
class Cluster:
    """What tests ask for: the cluster, and the checkout in which commands run."""

    slurm: SlurmCluster
    bare: Bare

    @property
    def prefix(self) -> Path:
        """Where the cluster keeps its files."""
        return self.slurm.shape.prefix

    @property
    def nodes(self) -> list[str]:
        """The names of its nodes."""
        return list(self.slurm.shape.nodes)

    @property
    def accounting(self) -> bool:
        """Whether it keeps accounts."""
        return self.slurm.shape.accounting

    @property
    def folder(self) -> Path:
        """The checkout."""
        return self.bare.folder

    def environment(self, **variables: str) -> dict[str, str]:
        """The complete environment of a user's commands."""
        own = {
            "HOME": str(self.bare.home),
            "RFM_CONFIG_PATH": str(self.folder / "systems"),
            "TRIGPOINT_CACHE": str(self.prefix / "cache"),
            "TRIGPOINT_SCRATCH": str(self.slurm.scratch),
        }
        return {**clean_environment(), **self.slurm.environment, **own, **variables}

    def run(self, *command: object, timeout: float = SECONDS, **variables: str) -> Finished:
        """Runs a command in the checkout to its end."""
        with self.started(*command, **variables) as running:
            return running.finish(timeout)

    def reframe(
        self,
        *options: str,
        system: str = "slurm_box:cpu",
        timeout: float = SECONDS,
        **variables: str,
    ) -> Finished:
        """Runs the suite's checks with these options."""
        return self.run(*suite(*options, system=system), timeout=timeout, **variables)

    @contextmanager
    def started(self, *command: object, **variables: str) -> Iterator["Running"]:
        """A command that runs while a test does something to the cluster."""
        # What an earlier session left there would be taken for this one's.
        shutil.rmtree(self.folder / "stage", ignore_errors=True)
        output = self.bare.home / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [str(word) for word in command],
                cwd=self.folder,
                env=self.environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

        try:
            yield Running(process, output)
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def hanging(self, *options: str, **variables: str) -> Iterator["Running"]:
        """A training on two nodes that has begun, and whose processes stand still."""
        command = suite(*TRAIN, "-P", "cpu_nodes=2", *options)
        with self.started(*command, **variables) as running:
            wait_until(lambda: self._epochs() > 0 or running.has_ended(), "an epoch", SECONDS)
            for pid in self.ranks():
                os.kill(pid, signal.SIGSTOP)

            yield running

    def ranks(self, **variables: object) -> list[int]:
        """The processes of the running training; `SLURM_PROCID=1` for its second rank alone."""
        return [
            pid
            for pid in self.slurm.processes("-m workloads.skyline train", **variables)
            if b"srun" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        ]

    def report(self) -> dict[str, Any]:
        """The run report of the last session."""
        return self.bare.report()

    def cases(self, check: str) -> list[dict[str, Any]]:
        """The cases of a check in the last session."""
        cases = self.report()["runs"][0]["testcases"]
        return [case for case in cases if case["name"].startswith(check)]

    def trainings(self, place: str = "slurm_box/cpu") -> dict[int, Rows]:
        """The last lines of trainings on a partition, by nodes and metric."""
        found: dict[int, Rows] = {}
        for row in read_perflog(self.folder / "perflogs", "SkylineTrain", place):
            # A run that failed before it had any figure, in another test, has a line without one.
            if row["perf_var"] != "null":
                found.setdefault(int(row["cpu_nodes"]), {})[row["perf_var"]] = row

        return found

    def job(self) -> str:
        """The job that runs."""
        [job] = self._jobs()
        return job

    def is_clean(self) -> bool:
        """Whether nothing of a job is left, neither processes nor files, and all nodes are idle."""
        return (
            self.slurm.is_idle()
            and not self._jobs()
            and not self.slurm.processes("workloads.")
            and not any(self.left_on_scratch(node) for node in self.nodes)
        )

    def left_on_scratch(self, node: str) -> list[str]:
        """What stands on the scratch of a node."""
        return self.slurm.on_node(node, "ls", "-A", str(self.slurm.scratch)).split()

    def _epochs(self) -> int:
        outputs = (self.folder / "stage").rglob("SkylineTrain*/rfm_job.out")
        return sum(output.read_text().count('"epoch_stop"') for output in outputs)

    def _jobs(self) -> list[str]:
        return self.slurm.command("squeue", "-h", "-t", "running", "-o", "%i").split()


@dataclass(frozen=True)
class Running:
    """A command that was started."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def finish(self, timeout: float = SECONDS) -> Finished:
        """Waits for its end. Raises TimeoutError, with its output, where it does not come."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"still running after {timeout} s:\n{self._text()}") from None

        return Finished(code, self._text())

    def has_ended(self) -> bool:
        """Whether it runs no longer."""
        return self.process.poll() is not None

    def _text(self) -> str:
        return self.output.read_text(errors="replace")


def suite(*options: str, system: str = "slurm_box:cpu") -> list[str]:
    """The command that runs the suite's checks on a system."""
    return [str(REFRAME), "--nocolor", "--system", system, "-c", "checks", "-r", *options]


def assert_red(finished: Finished, *causes: str) -> None:
    """The session failed, and the reason that it prints has all these words."""
    assert finished.code == 1, finished.text
    [_, reason] = finished.text.split("* Reason: ")
    for cause in causes:
        assert cause in reason, finished.text
