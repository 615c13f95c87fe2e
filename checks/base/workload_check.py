"""A stage that is measured: its sizes, its nodes, its references."""

import dataclasses
from typing import Any

import reframe.core.builtins as builtins
import reframe.utility.sanity as sn
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError
from reframe.core.runtime import runtime

from checks.base import geometry, guards, presets, references, sanity
from checks.base.workload_stage import WorkloadStage

#: What a record must say of the run itself, before the run is set up.
SET_BY_THE_SUITE = {"container": "none", "mig_profile": ""}


def known_checks() -> set[str]:
    """The names of all checks that are loaded."""
    classes, found = [WorkloadCheck], set()
    while classes:
        found.add(classes[-1].__name__)
        classes += classes.pop().__subclasses__()

    return found


class WorkloadCheck(WorkloadStage):
    """A stage that is measured: in every size that the partitions hold, against references."""

    num_gpus = builtins.parameter(geometry.gpu_counts(runtime().system.partitions), type=int)
    #: Whole nodes of a case without GPUs; 0 where GPUs say how many nodes it takes.
    cpu_nodes = builtins.parameter(geometry.cpu_node_counts(runtime().system.partitions), type=int)
    preset = builtins.parameter([presets.default_preset(runtime().system.partitions)], type=str)
    storage = builtins.parameter(geometry.storage_kinds(runtime().system.partitions), type=str)
    #: How the stage is launched: the container platform in small letters, or none.
    container = builtins.variable(str, value="none")
    #: One process for each "node", with all its GPUs, or for each "gpu".
    process_per = builtins.variable(str, value="node")
    #: Copy the dataset to the scratch of every node before it is read.
    stage_to_scratch = builtins.variable(typ.Bool, value=False)
    #: The MIG instance that a GPU of the partition is; empty where it is a whole one.
    mig_profile = builtins.variable(str, value="")

    #: Metrics that not every machine has: judged and logged where the records hold them.
    optional_metrics: tuple[str, ...] = ()
    #: Parameters and variables that change the figures: references are keyed by all of them.
    reference_keys: tuple[str, ...] = (
        "preset",
        "num_gpus",
        "cpu_nodes",
        "process_per",
        "storage",
        "stage_to_scratch",
        "container",
    )
    #: The values that some of them may have at all.
    known_values: dict[str, tuple[Any, ...]] = {
        "preset": tuple(presets.PRESETS),
        "process_per": geometry.PROCESS_PER,
        "container": ("none", "docker", "sarus", "shifter", "singularity", "apptainer"),
    }
    #: Those of them that the records must confirm.
    confirmed_keys: tuple[str, ...] = ()

    def _all_known_values(self) -> dict[str, tuple[Any, ...]]:
        # A check that names values of its own must not lose those of all checks by it.
        return {**WorkloadCheck.known_values, **self.known_values}

    @property
    def size(self) -> geometry.Size:
        """What the case computes on."""
        return geometry.Size(self.num_gpus, self.cpu_nodes)

    def expectation(self) -> sanity.Expectation:
        """As for every stage; also the devices, the agreement of the ranks and the options."""
        expected = super().expectation()
        return dataclasses.replace(
            expected,
            # What is to be compared must be there, also where other machines lack it.
            metrics=tuple(dict.fromkeys([*self.metrics, *self.references])),
            units={name: each.unit for name, each in self.references.items()},
            asked={
                **expected.asked,
                "gpus_used": self.num_gpus,
                "processes": self.num_tasks,
                "ranks_agree": True,
                **({"staged": True} if self.stage_to_scratch else {}),
                **{key: getattr(self, key) for key in self.confirmed_keys},
            },
        )

    # Also before setup: `-P` sets variables after every other hook of init.
    @builtins.run_before("setup")
    @builtins.run_after("init")
    def refuse_strange_values(self) -> None:
        """Refuse values that nothing has, and those that the suite alone may give."""
        for key, known in self._all_known_values().items():
            if getattr(self, key) not in known:
                raise ReframeError(f"{key}={getattr(self, key)}: one of {known}")

        for key, value in SET_BY_THE_SUITE.items():
            if getattr(self, key) != value:
                raise ReframeError(
                    f"{key}={getattr(self, key)}: the suite alone sets it, from what is run"
                )

    @builtins.run_after("init")
    def choose_partitions(self) -> None:
        """Choose the partitions that hold this case."""
        self.descr = f"{self.workload}: {self.stage}"
        self.references: dict[str, references.Reference] = {}
        self.valid_systems = self._holders()

    def _holders(self) -> list[str]:
        partitions = runtime().system.partitions
        if geometry.is_crossing(self.size, self._sizes(), partitions):
            return []

        if self.process_per == "gpu" and self.cpu_nodes and geometry.has_both_kinds(partitions):
            guards.leave_out(self.display_name, "process_per=gpu: it has no GPU")
            return []

        return geometry.holders(self.size, self.storage, partitions, self.process_per)

    def _sizes(self) -> list[geometry.Size]:
        values = type(self).param_space.params
        return [
            geometry.Size(num_gpus, cpu_nodes)
            for num_gpus in values["num_gpus"].values
            for cpu_nodes in values["cpu_nodes"].values
        ]

    @builtins.run_after("setup")
    def take_nodes(self) -> None:
        """Take as many nodes, processes, processors and GPUs as the case needs."""
        partition = self.current_partition
        layout = geometry.layout(self.size, partition, self.process_per)
        if layout is None:
            raise ReframeError(f"{partition.fullname} does not hold {self.size}")

        self.num_tasks = layout.num_tasks
        self.num_tasks_per_node = layout.processes_per_node
        self.mig_profile = partition.extras.get("mig_profile", "")
        if layout.gpus_per_node:
            self.num_gpus_per_node = layout.gpus_per_node

    @builtins.run_after("setup")
    def find_scratch(self) -> None:
        """Refuse to stage where the partition names no scratch."""
        if self.stage_to_scratch and not self.current_partition.extras.get("scratch"):
            raise ReframeError(
                f"{self.current_partition.fullname} has no scratch to stage to: name its folder in "
                "`extras.scratch`, or leave out stage_to_scratch"
            )

    @builtins.run_after("setup")
    def find_references(self) -> None:
        """Read the references of this case."""
        # Before the run: a malformed file is not to be found out after a day of training.
        system = self.current_system
        storages = tuple(geometry.storage_paths(self.current_partition))
        known = {**self._all_known_values(), "storage": storages}
        self.references = references.find(
            references.FOLDER / f"{system.name}.yaml",
            references.Wanted(
                partition=self.current_partition.name,
                check=type(self).__name__,
                case={key: getattr(self, key) for key in self.reference_keys},
                metrics=[*self.metrics, *self.optional_metrics],
                partitions=[partition.name for partition in system.partitions],
                checks=known_checks(),
                values={key: known[key] for key in self.reference_keys if key in known},
            ),
        )

    @builtins.run_before("performance")
    def compare(self) -> None:
        """Give every metric its value, unit and bounds."""
        # Every metric gets an explicit reference: ReFrame does not fall back where a key lacks.
        bounds: dict[str, Any] = {}
        measured = [name for name in self.optional_metrics if name in self.records.metrics]
        for name in [*self.metrics, *measured]:
            metric = self.records.metrics.get(name)
            unit = metric.unit if metric else ""
            value = sn.defer(metric.value if metric else None)
            self.perf_variables[name] = sn.make_performance_function(value, unit)
            reference = self.references.get(name)
            bounds[name] = (*reference[:3], unit) if reference else (0, None, None, unit)

        self.reference = {self.current_partition.fullname: bounds}
