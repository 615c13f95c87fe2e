"""The job that probes a partition: submitted, watched and cancelled through ReFrame's own backends.

ReFrame's classes of jobs and schedulers are used in this process, not a test through its command
line: the scheduler, the access options and the resources are the partition's own all the same, and
one sees what a test would hide: the state while it is pending, its reason, and the very end."""

import json
import shlex
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import reframe.core.runtime as rt
import reframe.utility.osext as osext
from reframe.core.exceptions import ReframeError, SpawnedProcessError
from reframe.core.schedulers import Job
from reframe.core.systems import SystemPartition

from systems.probing import access
from systems.probing.answer import Answer
from systems.probing.errors import one_line
from systems.probing.node.__main__ import MARK
from systems.probing.reading import UnusableAnswer, read_answer

CHECKOUT = Path(__file__).resolve().parents[2]
NODE_PACKAGE = Path(__file__).with_name("node")
TIME_LIMIT = "4m"
# Network file systems show a finished job's output with delay.
OUTPUT_SECONDS = 10
SLURM = ("slurm", "squeue")


@dataclass(frozen=True)
class Questions:
    """What to ask a node: of which files and folders, of which with the node's own variables in
    their names, and about TensorFlow or not."""

    places: list[str] = field(default_factory=list)
    named_by_variables: list[str] = field(default_factory=list)
    tensorflow: bool = False


@dataclass
class ProbeJob:
    """A job on one partition; `failure` is why it has no answer."""

    partition: SystemPartition
    workspace: Path
    job: Any = None
    failure: str = ""
    answer: Answer | None = None
    waited: float = 0.0
    ended: bool = False

    @property
    def number(self) -> str:
        """The scheduler's number of the job; empty before it has one."""
        return (self.job and self.job.jobid) or ""

    def submit(self, questions: Questions) -> None:
        """Writes the script and submits it; a refusal becomes the failure."""
        complaint = access.complaint(self.partition.access)
        if complaint:
            self.end(complaint)
            return

        self.workspace.mkdir(parents=True)
        write_questions(self.workspace, questions)
        try:
            self.job = _make_job(self.partition, self.workspace)
            with rt.temp_config(self.partition.fullname), osext.change_dir(self.workspace):
                self.job.prepare(
                    _commands(self.workspace),
                    # A container runtime may come with a module of its own.
                    [self.partition.local_env, *self.partition.container_environs.values()],
                    self.partition.prepare_cmds,
                )
                self.job.submit()
        except (ReframeError, OSError) as error:
            self.end(f"the job could not be submitted: {_reason(error)}")

    def poll(self) -> None:
        """Asks the scheduler for the state; takes the answer when the job has ended."""
        scheduler = self.partition.scheduler
        try:
            with rt.temp_config(self.partition.fullname):
                scheduler.poll(self.job)
            if self.job.exception:
                self.end(_reason(self.job.exception))
            elif scheduler.finished(self.job):
                self._take_answer()
        except (ReframeError, OSError) as error:
            self.cancel(f"the scheduler does not say what became of the job: {_reason(error)}")

    @property
    def state(self) -> str:
        """The job's state, in the scheduler's word."""
        return str(self.job.state or "submitted").lower()

    def cancel(self, reason: str) -> None:
        """Cancels the job and keeps the reason; a job that cannot be cancelled is named."""
        try:
            self.partition.scheduler.cancel(self.job)
        except (ReframeError, OSError) as error:
            reason += f"; job {self.number} could not be cancelled: {_reason(error)}"
        self.end(reason)

    def end(self, failure: str) -> None:
        """Ends the watch without an answer."""
        self.failure, self.ended = one_line(failure), True

    def pending_reason(self) -> str:
        """Why Slurm keeps the job pending; the state where it is another scheduler."""
        if self.partition.scheduler.registered_name not in SLURM:
            return self.state

        command = f"squeue -h -j {shlex.quote(self.number)} -o '%T, %r'"
        return one_line(osext.run_command(command, timeout=30).stdout) or self.state

    def _take_answer(self) -> None:
        deadline = time.monotonic() + OUTPUT_SECONDS
        output = self.workspace / self.job.stdout
        while True:
            text = output.read_text(errors="replace") if output.exists() else ""
            if MARK in text or time.monotonic() > deadline:
                break
            # A listing makes a network file system look again for a name it did not have.
            list(self.workspace.iterdir())
            time.sleep(0.2)

        try:
            self.answer, self.ended = read_answer(text), True
        except UnusableAnswer as error:
            self.end(f"job {self.number} ended ({self.state}): {self._why_none(output, error)}")

    def _why_none(self, output: Path, error: UnusableAnswer) -> str:
        if not output.exists():
            return (
                f"it left no output in {self.workspace}: is that folder on a file system that"
                " compute nodes share? RFM_STAGE_DIR names another"
            )

        complaints = self.workspace / self.job.stderr
        lines = complaints.read_text(errors="replace").split("\n") if complaints.exists() else []
        said = [line for line in lines if line.strip()]
        return one_line(said[-1]) if said else str(error)


def write_questions(workspace: Path, questions: Questions) -> None:
    """Writes the probe and what it is to answer to the folder of the job."""
    # A copy: whether the node sees the checkout is one of the questions.
    shutil.copytree(NODE_PACKAGE, workspace / NODE_PACKAGE.name)
    asked: dict[str, Any] = {
        "workspace": str(workspace),
        "places": [str(CHECKOUT), sys.executable, *questions.places],
        "named_by_variables": questions.named_by_variables,
        "checkout": str(CHECKOUT),
    }
    if questions.tensorflow:
        asked["tensorflow"] = [sys.executable, "-m", "workloads.devices", "--json"]
    (workspace / "questions.json").write_text(json.dumps(asked))


def promised_gpus(partition: SystemPartition) -> int:
    """The GPUs of a node, by the partition's `devices`."""
    return sum(each.num_devices for each in partition.devices if each.device_type == "gpu")


def _make_job(partition: SystemPartition, workspace: Path) -> Any:
    job = Job.create(
        partition.scheduler,
        partition.launcher_type(),
        name="trigpoint-probe",
        workdir=str(workspace),
        script_filename="probe.sh",
        stdout="probe.out",
        stderr="probe.err",
        sched_access=partition.access,
    )
    job.num_tasks = 1
    job.num_tasks_per_node = 1
    job.exclusive_access = True
    job.time_limit = TIME_LIMIT
    gpus = promised_gpus(partition)
    if gpus:
        job.options = partition.get_resource("_rfm_gpu", num_gpus_per_node=gpus)
    return job


def _commands(workspace: Path) -> list[str]:
    """Run the probe by the interpreter that runs ReFrame, or by another that the node has."""
    return [
        f"interpreter={shlex.quote(sys.executable)}",
        '"$interpreter" -c "" 2>/dev/null || interpreter=python3',
        f"cd {shlex.quote(str(workspace))}",
        f'"$interpreter" -m {NODE_PACKAGE.name} questions.json',
    ]


def _reason(error: Exception) -> str:
    """The scheduler's own words where there are any."""
    if isinstance(error, SpawnedProcessError):
        said = [line for line in (error.stderr or "").splitlines() if line.strip()]
        if said:
            return one_line("; ".join(said[:2]))

    return one_line(error)
