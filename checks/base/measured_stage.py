"""A stage whose figures are judged against references."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import reframe.core.builtins as builtins
import reframe.utility.sanity as sn
from reframe.core.exceptions import ReframeError

from checks.base import geometry, presets, references, sanity
from checks.base.container_platforms import CONTAINERS
from checks.base.dependencies import Input, depend_on, require_same
from checks.base.workload_stage import RUN_FOLDER, WorkloadStage

#: What a record must say of the run itself, before the run is set up.
SET_BY_THE_SUITE = {"mig_profile": ""}


def known_checks() -> set[str]:
    """The names of all checks that are loaded."""
    classes, found = [MeasuredStage], set()
    while classes:
        found.add(classes[-1].__name__)
        classes += classes.pop().__subclasses__()

    return found


class MeasuredStage(WorkloadStage):
    """A stage that is measured; which partitions and nodes it takes is for its subclasses to say.

    They have the parameters `preset` and `storage`."""

    #: The MIG instance that a GPU of the partition is; empty where it is a whole one.
    mig_profile = builtins.variable(str, value="")

    #: Metrics that not every run has: judged and logged where the records hold them.
    optional_metrics: tuple[str, ...] = ()
    #: Parameters and variables that change the figures: references are keyed by all of them.
    reference_keys: tuple[str, ...] = ("preset", "storage", "container")
    #: The values that some of them may have at all; those of the classes above hold as well.
    known_values: dict[str, tuple[Any, ...]] = {
        "preset": tuple(presets.PRESETS),
    }
    #: Those of them that the records must confirm.
    confirmed_keys: tuple[str, ...] = ()
    #: Counts that they must confirm too, where they are not 0, which leaves them to the preset.
    confirmed_sizes: tuple[str, ...] = ()
    #: What other checks have written that the stage reads, by a name for each.
    inputs: Mapping[str, Input] = {}

    def layout_on(self, partition: Any) -> geometry.Layout | None:
        """The nodes and processes of the case on a partition; None where it does not hold it."""
        raise NotImplementedError

    def _all_known_values(self) -> dict[str, tuple[Any, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        for each in reversed(type(self).__mro__):
            found |= vars(each).get("known_values", {})

        return found

    def expectation(self) -> sanity.Expectation:
        """As for every stage; also what is compared, and the options."""
        expected = super().expectation()
        sizes = [key for key in self.confirmed_sizes if getattr(self, key)]
        confirmed = {key: getattr(self, key) for key in (*self.confirmed_keys, *sizes)}
        return dataclasses.replace(
            expected,
            # What is to be compared must be there, also where other machines lack it.
            metrics=tuple(dict.fromkeys([*expected.metrics, *self.references])),
            units={name: each.unit for name, each in self.references.items()},
            asked={**expected.asked, **confirmed},
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
    def describe(self) -> None:
        """Say what is measured, before any reference is known."""
        self.descr = f"{self.workload}: {self.stage}"
        self.references: dict[str, references.Reference] = {}

    @builtins.run_after("init")
    def wait_for_inputs(self) -> None:
        """Wait for the cases that write what this one reads."""
        self.writers = {name: depend_on(self, each) for name, each in self.inputs.items()}

    @builtins.run_after("setup")
    def find_inputs(self) -> None:
        """Find what they have written. ReframeError where one is not the case that is wanted."""
        self.found = {name: self.getdep(writer) for name, writer in self.writers.items()}
        for name, case in self.found.items():
            require_same(self, case, self.inputs[name])

    def folder_of(self, name: str) -> str:
        """Where an input lies."""
        return f"{self.found[name].stagedir}/{RUN_FOLDER}"

    @builtins.run_after("setup")
    def take_nodes(self) -> None:
        """Take as many nodes, processes, processors and GPUs as the case needs."""
        partition = self.current_partition
        layout = self.layout_on(partition)
        if layout is None:
            raise ReframeError(f"{partition.fullname} does not hold {self.display_name}")

        self.num_tasks = layout.num_tasks
        self.num_tasks_per_node = layout.processes_per_node
        self.mig_profile = partition.extras.get("mig_profile", "")
        if layout.gpus_per_node:
            self.num_gpus_per_node = layout.gpus_per_node

    @builtins.run_after("setup")
    def find_references(self) -> None:
        """Read the references of this case."""
        # Before the run: a malformed file is not to be found out after a day of training.
        case = {key: getattr(self, key) for key in self.reference_keys}
        # The log does not quote its separator, and JSON need not write it.
        self.reference_case = json.dumps(case, sort_keys=True).replace("|", "\\u007c")
        system = self.current_system
        storages = tuple(geometry.storage_paths(self.current_partition))
        known = {**self._all_known_values(), "storage": storages, "container": CONTAINERS}
        self.references = references.find(
            references.FOLDER / f"{system.name}.yaml",
            references.Wanted(
                partition=self.current_partition.name,
                check=type(self).__name__,
                case=case,
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
