"""One stage of a workload as ReFrame runs it: launch, limits, sanity, provenance."""

import shlex
import shutil
import sys
from pathlib import Path

import reframe as rfm
import reframe.core.builtins as builtins
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError, SanityError

from checks.base import geometry, guards, presets, sanity
from checks.base.records import Records, RecordsError, parse

ROOT = Path(__file__).resolve().parents[2]
RUN_FOLDER = "run"
# Loggable variable -> the key of the record that fills it.
PROVENANCE = {
    "suite_commit": "suite_commit",
    "dataset_digest": "dataset_digest",
    "workload_version": "workload_version",
    "tensorflow_version": "tensorflow_version",
    "keras_version": "keras_version",
    "python_version": "python_version",
    "device_name": "device_name",
    "gpus_used": "gpus_used",
    "replicas": "replicas",
    "processes": "processes",
    "precision_used": "precision",
}


class WorkloadStage(rfm.RunOnlyRegressionTest):
    """One stage of a workload, run through its command line and judged by its records."""

    #: Package under `workloads/`, and the sub-command.
    workload = builtins.variable(str)
    stage = builtins.variable(str)
    #: Seed of everything random: data, order, weights.
    seed = builtins.variable(int, value=1)
    #: Folder of the real dataset; the workload's synthetic one where empty.
    data = builtins.variable(str, value="")
    #: Measure on the machine that runs ReFrame although it has a batch scheduler.
    allow_local = builtins.variable(typ.Bool, value=False, loggable=False)

    #: Metrics that the records must hold, and least values of some.
    metrics: tuple[str, ...] = ()
    floors: dict[str, float] = {}

    suite_commit = builtins.variable(str, value="")
    dataset_digest = builtins.variable(str, value="")
    workload_version = builtins.variable(str, value="")
    tensorflow_version = builtins.variable(str, value="")
    keras_version = builtins.variable(str, value="")
    python_version = builtins.variable(str, value="")
    device_name = builtins.variable(str, value="")
    gpus_used = builtins.variable(str, value="")
    replicas = builtins.variable(str, value="")
    processes = builtins.variable(str, value="")
    precision_used = builtins.variable(str, value="")
    metric_directions = builtins.variable(str, value="")
    #: The image that the stage ran in, and its digest; empty natively.
    image = builtins.variable(str, value="")
    image_digest = builtins.variable(str, value="")

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
        self.postrun_cmds = [
            "exit_code=$?",
            'echo "trigpoint: exit code $exit_code"',
            "exit $exit_code",
        ]
        limits = presets.limits(self.preset)
        self.time_limit = limits.time_limit
        self.max_pending_time = limits.max_pending_time
        self.records = Records()

    @builtins.run_before("setup")
    def refuse_login_node(self) -> None:
        """Refuse the machine of a batch scheduler that no site file names."""
        if self.is_dry_run() or self.allow_local or self.current_system.name != "generic":
            return

        if shutil.which("sbatch"):
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

    @builtins.run_before("run")
    def compose_command(self) -> None:
        """Compose the stage's command line."""
        options = ["--preset", self.preset, "--seed", str(self.seed)]
        if self.data:
            options += ["--data", self.data]

        cache = geometry.storage_paths(self.current_partition).get(self.storage)
        if cache:
            options += ["--cache", cache]

        command = ["-m", f"workloads.{self.workload}", self.stage, *options, *self.arguments()]
        self.executable_opts = [shlex.quote(word) for word in command]

    @builtins.sanity_function
    def judge(self) -> bool:
        """Judge the records; SanityError names the first thing wrong."""
        if guards.is_retry():
            raise SanityError("this is a retry: it does not turn the first failure into a pass")

        evidence = sanity.Evidence(
            self.job.exitcode, self._output(self.job.stdout), self._output(self.job.stderr)
        )
        self.take_records(evidence.stdout)
        complaint = sanity.complaint(evidence, self.expectation())
        if complaint:
            raise SanityError(complaint)

        return True

    def take_records(self, stdout: str) -> None:
        """Fills the loggable variables, so that a failed case's log says what it ran with too."""
        try:
            self.records = parse(stdout)
        except RecordsError:
            return

        for variable, key in PROVENANCE.items():
            setattr(self, variable, sanity.one_line(str(self.records.provenance.get(key, ""))))

        self.metric_directions = self.records.directions()

    def _output(self, name: str) -> str:
        path = Path(self.stagedir, name)
        return path.read_text(errors="replace") if path.exists() else ""


class WorkloadFixture(WorkloadStage):
    """A stage that prepares data for checks; run once a session and partition."""

    preset = builtins.variable(str)
    storage = builtins.variable(str)
    metrics = ("total_seconds",)
    num_tasks = 1
