"""What the history keeps of every run beside its figures: where, with what and for what it ran."""

from typing import Any

import reframe as rfm
import reframe.core.builtins as builtins

from checks.base import geometry, sanity, scheduling, session
from checks.base.records import RecordsError, parse

# Loggable variable -> the key of the record that fills it.
PROVENANCE = {
    "suite_commit": "suite_commit",
    "image_commit": "image_commit",
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
    "nodes": "nodes",
    "driver_version": "driver_version",
    "gpu_uuids": "gpu_uuids",
    "kernel_version": "kernel_version",
    "firmware_version": "firmware_version",
}
# Loggable variables that the suite fills beside them, and what they are until then.
FILLED_BY_THE_SUITE = {
    "metric_directions": "",
    "failure_class": "",
    "failure_reason": "",
    "image": "",
    "image_digest": "",
    "campaign": "",
    "session_command": "",
    "partition_num_nodes": None,
    "reference_case": "",
    "scheduler_version": "",
}


class Provenance(rfm.RegressionTestPlugin):
    """The loggable variables of a stage that nobody but the suite fills."""

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
    nodes = builtins.variable(str, value="")
    driver_version = builtins.variable(str, value="")
    gpu_uuids = builtins.variable(str, value="")
    kernel_version = builtins.variable(str, value="")
    firmware_version = builtins.variable(str, value="")
    #: Which direction is better, and how each metric is compared: see records.py.
    metric_directions = builtins.variable(str, value="")
    #: Whose failure it is, and why: see sanity.py and outcomes.py. Empty where nothing failed.
    failure_class = builtins.variable(str, value="")
    failure_reason = builtins.variable(str, value="")
    #: The image that the stage ran in, its digest, and the commit of the suite that it says it was
    #: built from; empty natively.
    image = builtins.variable(str, value="")
    image_digest = builtins.variable(str, value="")
    image_commit = builtins.variable(str, value="")
    #: What the session is run for, and how it was started: see session.py.
    campaign = builtins.variable(str, value="")
    session_command = builtins.variable(str, value="")
    #: Nodes of the partition, of which the case takes some.
    partition_num_nodes = builtins.variable(int, type(None), value=None)
    #: All that references of the check are keyed by, as a JSON object; empty where it has none.
    reference_case = builtins.variable(str, value="")
    #: Of the scheduler that the partition's jobs go to; empty where it does not say.
    scheduler_version = builtins.variable(str, value="")

    # Also before setup: `-P` sets variables after every other hook of init.
    @builtins.run_before("setup")
    @builtins.run_after("init")
    def forget_what_was_given(self: Any) -> None:
        """Let nothing but the suite fill what the history keeps of a run: neither `-S` nor `-P`."""
        for variable, value in (dict.fromkeys(PROVENANCE, "") | FILLED_BY_THE_SUITE).items():
            setattr(self, variable, value)

        self.campaign = session.campaign()
        self.session_command = session.command()

    @builtins.run_after("setup")
    def describe_partition(self: Any) -> None:
        """Know the size of the partition, and which scheduler it has."""
        partition = self.current_partition
        self.partition_num_nodes = geometry.num_nodes(partition)
        if not self.is_dry_run():
            self.scheduler_version = scheduling.version(partition.scheduler.registered_name)

    def take_records(self: Any, stdout: str) -> None:
        """Fills the loggable variables, so that a failed case's log says what it ran with too."""
        try:
            self.records = parse(stdout)
        except RecordsError:
            return

        for variable, key in PROVENANCE.items():
            value = self.records.provenance.get(key, "")
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            setattr(self, variable, sanity.one_line(text))

        self.metric_directions = self.records.directions()
