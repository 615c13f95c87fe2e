"""One stage of a workload as ReFrame runs it: launch, limits, sanity, provenance."""

import shlex
import sys
from pathlib import Path
from typing import Any

import reframe as rfm
import reframe.core.builtins as builtins
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError, SanityError

from checks.base import geometry, guards, presets, sanity, scheduling
from checks.base.bind_mounts import ROOT
from checks.base.container_launch import ContainerLaunch
from checks.base.evidence import Evidence
from checks.base.provenance import Provenance
from checks.base.records import Records

RUN_FOLDER = "run"
# A rank that dies ends the job, which would otherwise wait for it; ranks are placed in blocks.
SRUN_OPTIONS = ("--kill-on-bad-exit=1", "--distribution=block")
# A job that is requeued would be waited for until somebody looks.
NO_REQUEUE = {"slurm": "--no-requeue", "squeue": "--no-requeue", "torque": "-r n", "pbs": "-r n"}


class WorkloadStage(Provenance, ContainerLaunch, rfm.RunOnlyRegressionTest):
    """One stage of a workload, run through its command line and judged by its records."""

    #: Package under `workloads/`, and the sub-command.
    workload = builtins.variable(str)
    stage = builtins.variable(str)
    #: Seed of everything random: data, order, weights.
    seed = builtins.variable(int, value=1)
    #: Folder of the real dataset. Where empty, the size `published` takes the one that the
    #: partition names in `extras.data`; anything else is the workload's synthetic one.
    data = builtins.variable(str, value="")
    #: The synthetic dataset, or one that was given: never compared with each other.
    dataset = builtins.variable(str, value="synthetic")
    #: Measure on the machine that runs ReFrame although it has a batch scheduler.
    allow_local = builtins.variable(typ.Bool, value=False, loggable=False)

    #: Whether the stage takes a dataset and a cache.
    reads_data = True
    #: Metrics that the records must hold, and the least and the greatest values of some.
    metrics: tuple[str, ...] = ()
    floors: dict[str, float] = {}
    ceilings: dict[str, float] = {}

    valid_prog_environs = ["*"]
    sourcesdir = None
    exclusive_access = True
    keep_files = [f"{RUN_FOLDER}/*.log"]

    def arguments(self) -> list[str]:
        """Arguments of the stage beyond those that every stage has."""
        return []

    def expectation(self) -> sanity.Expectation:
        """What the records must say."""
        judged = presets.limits(self.preset).judges_accuracy
        return sanity.Expectation(
            stage=self.stage,
            metrics=self.metrics,
            floors=self.floors if judged else {},
            ceilings=self.ceilings if judged else {},
            asked={"preset": self.preset, "seed": self.seed},
        )

    def skip(self, msg: str | None = None) -> None:
        """A case of this suite is never skipped: what cannot be judged fails."""
        raise ReframeError(f"this case cannot be judged: {msg or 'no reason given'}")

    @builtins.run_after("init")
    def prepare_launch(self) -> None:
        """Set the interpreter, its path, the exit code line and the limits."""
        # A job's first `python3` on PATH is not the one that runs ReFrame and has the packages.
        self.executable = shlex.quote(sys.executable)
        self.env_vars = {"PYTHONPATH": f"{shlex.quote(str(ROOT))}${{PYTHONPATH:+:$PYTHONPATH}}"}
        # Whoever shares the account reads the records, whatever mask the user has.
        self.prerun_cmds = ["umask g+rx,go-w"]
        self.postrun_cmds = [
            "exit_code=$?",
            'echo "trigpoint: exit code $exit_code"',
            "exit $exit_code",
        ]
        limits = presets.limits(self.preset)
        if self.time_limit is None:  # type: ignore[has-type]
            self.time_limit = limits.time_limit

        if self.max_pending_time is None:  # type: ignore[has-type]
            self.max_pending_time = limits.max_pending_time

        self.records = Records()

    @builtins.run_before("setup")
    def refuse_login_node(self) -> None:
        """Refuse the machine of a batch scheduler that no site file names."""
        if self.is_dry_run() or self.allow_local or self.current_system.name != "generic":
            return

        if scheduling.is_login_node():
            raise ReframeError(
                "this machine has a batch scheduler (sbatch) but ReFrame runs with its built-in "
                "system: write a file for this site in systems/ and set RFM_CONFIG_PATH to that "
                "folder, or measure on this very machine with `-S allow_local=1`"
            )

    @builtins.run_after("setup")
    def never_overlap(self) -> None:
        """Put local jobs of all partitions into one queue."""
        # All local jobs then share one queue, whatever their partition, and guards.py makes it
        # one job long.
        self.local = self.current_partition.scheduler.is_local

    @builtins.run_after("setup")
    def find_data(self) -> None:
        """Find out which dataset the case reads."""
        self.data = self.data_on(self.current_partition)
        self.dataset = "given" if self.data else "synthetic"

    def data_on(self, partition: Any) -> str:
        """The folder of the dataset that is given to the case on a partition; empty for none."""
        if self.data or self.preset != "published":
            return self.data

        return str(partition.extras.get("data", {}).get(self.workload, ""))

    @builtins.run_after("setup")
    def take_environment(self) -> None:
        """Tell the stage what the partition says about its network and the outside world."""
        partition = self.current_partition
        interface = partition.extras.get("interconnect", {}).get("interface")
        if interface:
            self.env_vars["TRIGPOINT_FABRIC_INTERFACE"] = shlex.quote(interface)

        if "offline" in partition.features:
            self.env_vars["TRIGPOINT_OFFLINE"] = "1"

    @builtins.run_before("run")
    def end_with_the_first_failure(self) -> None:
        """Let a job end when one of its ranks does, and start once only."""
        if self.current_partition.launcher_type.registered_name == "srun":
            self.job.launcher.options = [*self.job.launcher.options, *SRUN_OPTIONS]

        no_requeue = NO_REQUEUE.get(self.current_partition.scheduler.registered_name)
        if no_requeue:
            self.job.options = [*self.job.options, no_requeue]

    @builtins.run_before("run")
    def take_processors(self) -> None:
        """Take all processors of the nodes."""
        partition = self.current_partition
        if not partition.scheduler.is_local and partition.processor.num_cpus:
            # A launcher gives a process one processor unless it is told otherwise, also on a node
            # that is the job's alone.
            here = self.num_tasks_per_node or 1
            self.num_cpus_per_task = max(1, partition.processor.num_cpus // here)

    @builtins.run_before("run")
    def compose_command(self) -> None:
        """Compose the stage's command line."""
        options = ["--preset", self.preset, "--seed", str(self.seed)]
        if self.reads_data:
            options += self._data_options()

        command = ["-m", f"workloads.{self.workload}", self.stage, *options, *self.arguments()]
        self.executable_opts = [shlex.quote(word) for word in command]

    def _data_options(self) -> list[str]:
        given = ["--data", self.data] if self.data else []
        cache = geometry.storage_paths(self.current_partition).get(self.storage)
        return [*given, "--cache", cache] if cache else given

    @builtins.sanity_function
    def judge(self) -> bool:
        """Judge the records; SanityError names the first thing wrong."""
        if guards.is_retry():
            raise SanityError("this is a retry: it does not turn the first failure into a pass")

        evidence = Evidence(
            exit_code=self.job.exitcode,
            stdout=self._output(self.job.stdout),
            stderr=self._output(self.job.stderr),
            state=self.job.state or "",
            cancelled_here=getattr(self.job, "is_cancelling", False),
            started=scheduling.has_started(self.job, self.stagedir),
        )
        self.take_records(evidence.stdout)
        found = sanity.complaint(evidence, self.expectation())
        complaint = self.judge_image(found, evidence)
        if complaint:
            self.failure_class = complaint.kind
            raise SanityError(str(complaint))

        return True

    def _output(self, name: str) -> str:
        path = Path(self.stagedir, name)
        return path.read_text(errors="replace") if path.exists() else ""


class WorkloadFixture(WorkloadStage):
    """A stage that prepares data for checks; run once a session and partition."""

    preset = builtins.variable(str)
    storage = builtins.variable(str)
    metrics = ("total_seconds",)
    num_tasks = 1
