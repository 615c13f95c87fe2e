"""A stage that is measured in every size that the partitions hold."""

import dataclasses
from typing import Any

import reframe.core.builtins as builtins
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError
from reframe.core.runtime import runtime

from checks.base import geometry, guards, presets, sanity
from checks.base.measured_stage import MeasuredStage


class WorkloadCheck(MeasuredStage):
    """A stage that computes on devices: in every size that the partitions hold."""

    num_gpus = builtins.parameter(geometry.gpu_counts(runtime().system.partitions), type=int)
    #: Whole nodes of a case without GPUs; 0 where GPUs say how many nodes it takes.
    cpu_nodes = builtins.parameter(geometry.cpu_node_counts(runtime().system.partitions), type=int)
    preset = builtins.parameter([presets.default_preset(runtime().system.partitions)], type=str)
    storage = builtins.parameter(geometry.storage_kinds(runtime().system.partitions), type=str)
    #: One process for each "node", with all its GPUs, or for each "gpu".
    process_per = builtins.variable(str, value="node")
    #: Copy the dataset to the scratch of every node before it is read.
    stage_to_scratch = builtins.variable(typ.Bool, value=False)

    reference_keys: tuple[str, ...] = (
        "preset",
        "num_gpus",
        "cpu_nodes",
        "process_per",
        "storage",
        "stage_to_scratch",
        "container",
    )
    known_values: dict[str, tuple[Any, ...]] = {"process_per": geometry.PROCESS_PER}

    @property
    def size(self) -> geometry.Size:
        """What the case computes on."""
        return geometry.Size(self.num_gpus, self.cpu_nodes)

    def layout_on(self, partition: Any) -> geometry.Layout | None:
        """The fewest nodes of a partition that hold the case; None where it does not hold it."""
        return geometry.layout(self.size, partition, self.process_per)

    def expectation(self) -> sanity.Expectation:
        """As for every measured stage; also the devices and the agreement of the ranks."""
        expected = super().expectation()
        return dataclasses.replace(expected, asked={**expected.asked, **self.asked_of_devices()})

    def asked_of_devices(self) -> dict[str, Any]:
        """What the records must say of the devices and of the processes that drove them."""
        return {
            "gpus_used": self.num_gpus,
            "processes": self.num_tasks,
            "ranks_agree": True,
            **({"staged": True} if self.stage_to_scratch else {}),
        }

    @builtins.run_after("init")
    def choose_partitions(self) -> None:
        """Choose the partitions that hold this case."""
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
    def find_scratch(self) -> None:
        """Refuse to stage where the partition names no scratch."""
        if self.stage_to_scratch and not self.current_partition.extras.get("scratch"):
            raise ReframeError(
                f"{self.current_partition.fullname} has no scratch to stage to: name its folder in "
                "`extras.scratch`, or leave out stage_to_scratch"
            )
