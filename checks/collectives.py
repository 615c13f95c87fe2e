"""Check of the collectives workload: the all-reduce of gradients alone, without any training.

A scaling figure of training says that something is slow; this says whether it is the network."""

import reframe as rfm
import reframe.core.builtins as builtins
from reframe.core.runtime import runtime

from checks.base import geometry, guards
from checks.base.workload_check import WorkloadCheck
from checks.base.workload_stage import RUN_FOLDER

PARTITIONS = runtime().system.partitions
#: No data is read, so that one kind of storage is enough: the first of each partition.
FIRST_STORAGE = {each.fullname: next(iter(geometry.storage_paths(each))) for each in PARTITIONS}
STORAGES = list(dict.fromkeys(FIRST_STORAGE.values()))


def several(counts: list[int]) -> list[int]:
    """The counts of GPUs or nodes that leave something to reduce; 0 is not a count."""
    return [count for count in counts if count != 1]


GPU_COUNTS = several(geometry.gpu_counts(PARTITIONS))
CPU_NODE_COUNTS = several(geometry.cpu_node_counts(PARTITIONS))


class AllReduce(WorkloadCheck):
    """Times all-reduces of several sizes and of each model's gradients, and checks every sum."""

    workload = "collectives"
    stage = "allreduce"
    #: It has no image of its own.
    carried_by = ("skyline", "slstr")
    reads_data = False
    num_gpus = builtins.parameter(GPU_COUNTS, type=int)
    cpu_nodes = builtins.parameter(CPU_NODE_COUNTS, type=int)
    storage = builtins.parameter(STORAGES, type=str)
    metrics = (
        "allreduce_latency_seconds",
        "allreduce_bus_bandwidth",
        "allreduce_algorithm_bandwidth",
        "allreduce_seconds_skyline_original",
        "allreduce_seconds_skyline_optimised",
        "total_seconds",
    )
    reference_keys = ("preset", "num_gpus", "cpu_nodes", "process_per", "container")

    @builtins.run_after("init")
    def read_nothing(self) -> None:
        """Take no data, wherever it is."""
        self.data = ""
        self.stage_to_scratch = False
        given_by_hand = list(type(self).param_space.params["storage"].values) != STORAGES
        if not given_by_hand:
            self.valid_systems = [
                name for name in self.valid_systems if FIRST_STORAGE[name] == self.storage
            ]

    @builtins.run_after("init")
    def need_several(self) -> None:
        """Leave out the case of one replica, which only a value given by hand can make."""
        if 1 in (self.num_gpus, self.cpu_nodes) and self.valid_systems:
            guards.leave_out(self.display_name, "one replica has nothing to reduce")
            self.valid_systems = []

    def arguments(self) -> list[str]:
        """Where to write, and on what to compute."""
        return ["--output", RUN_FOLDER, "--gpus", str(self.num_gpus)]


# ReFrame warns about a test without cases, and that is an error here. Where nothing can be reduced
# there is no such test, and asking for it by name finds none, which is an error too.
if any([*GPU_COUNTS, *CPU_NODE_COUNTS]):
    rfm.simple_test(AllReduce)
