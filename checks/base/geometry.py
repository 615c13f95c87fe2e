"""How many GPUs, nodes and processes a case takes, from the partitions that ReFrame has at hand.

A partition's configuration says what it holds:

    'devices': [{'type': 'gpu', 'num_devices': 4}],             # in each node
    'extras': {'num_nodes': 8, 'storage': {'ssd': '/scratch'}}  # 1 node, one storage if unsaid

A GPU case takes as few nodes as hold its GPUs. A CPU case, where a partition has no GPU, says how
many nodes it takes. Where a system has both kinds the parameters `num_gpus` and `cpu_nodes` are
crossed, and `is_crossing` says which of the sizes are no case at all. A partition of MIG instances
(`mig_profile`) holds one of them at a time: NCCL joins no two instances of a GPU.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

COUNTS = (1, 2, 4, 8, 16, 32)
PROCESS_PER = ("node", "gpu")
DEFAULT_STORAGE = "local"


class Partition(Protocol):
    """The part of ReFrame's `SystemPartition` that geometry reads."""

    fullname: str
    devices: Any
    extras: Any


@dataclass(frozen=True)
class Size:
    """What a case computes on: `num_gpus` GPUs, or with none of them `cpu_nodes` whole nodes."""

    num_gpus: int
    cpu_nodes: int

    def __str__(self) -> str:
        return f"num_gpus={self.num_gpus} cpu_nodes={self.cpu_nodes}"


@dataclass(frozen=True)
class Layout:
    """Nodes and processes of one case: `gpus_per_node` are dealt evenly to the processes there."""

    num_nodes: int
    gpus_per_node: int
    processes_per_node: int

    @property
    def num_tasks(self) -> int:
        """Processes in all."""
        return self.num_nodes * self.processes_per_node


def gpus_per_node(partition: Partition) -> int:
    """GPUs in each node of the partition."""
    return sum(device.num_devices for device in partition.devices if device.device_type == "gpu")


def num_nodes(partition: Partition) -> int:
    """Nodes of the partition: its extra `num_nodes`, else 1."""
    return int(partition.extras.get("num_nodes", 1))


def layout(size: Size, partition: Partition, process_per: str = "node") -> Layout | None:
    """The fewest equal nodes of the partition that hold a case, or None where it cannot.

    `process_per` is "node" (one process with all GPUs of its node) or "gpu" (one for each)."""
    here = gpus_per_node(partition)
    if min(size.num_gpus, size.cpu_nodes) < 0:
        return None

    if size.num_gpus == 0:
        fits = here == 0 and 1 <= size.cpu_nodes <= num_nodes(partition)
        return Layout(size.cpu_nodes, 0, 1) if fits and process_per == "node" else None

    if size.cpu_nodes or (size.num_gpus > 1 and partition.extras.get("mig_profile")):
        return None

    for nodes in range(1, num_nodes(partition) + 1):
        if size.num_gpus % nodes == 0 and size.num_gpus // nodes <= here:
            each = size.num_gpus // nodes
            return Layout(nodes, each, each if process_per == "gpu" else 1)

    return None


def smallest(partition: Partition) -> Size:
    """The smallest case of a partition: one GPU, or one node where it has none."""
    return Size(1, 0) if gpus_per_node(partition) else Size(0, 1)


def gpu_counts(partitions: Iterable[Partition]) -> list[int]:
    """Those of 1, 2, 4, ... 32 GPUs that some partition holds; 0 too where one has no GPU."""
    partitions = list(partitions)
    held = [count for count in COUNTS if any(layout(Size(count, 0), each) for each in partitions)]
    has_cpu_cases = not held or not all(gpus_per_node(each) for each in partitions)
    return [0, *held] if has_cpu_cases else held


def cpu_node_counts(partitions: Iterable[Partition]) -> list[int]:
    """Those of 1, 2, ... 32 nodes that a partition without GPUs holds; 0 too where one has a GPU.
    Without any partition there is one CPU case, of 1 node."""
    partitions = list(partitions)
    held = [count for count in COUNTS if any(layout(Size(0, count), each) for each in partitions)]
    has_gpu_cases = any(gpus_per_node(each) for each in partitions)
    return [0, *held] if has_gpu_cases else held or [1]


def has_both_kinds(partitions: Iterable[Partition]) -> bool:
    """Whether some partition has GPUs, and some has none."""
    return len({bool(gpus_per_node(each)) for each in partitions}) == 2


def is_crossing(size: Size, sizes: Iterable[Size], partitions: Iterable[Partition]) -> bool:
    """Whether a size is only what two parameters make when they are crossed: neither GPUs nor CPU
    nodes, or both of them. `sizes` are all that they make.

    Where none of these makes sense the user has given them, and they are refused by `holders`."""
    makes_sense = any(bool(each.num_gpus) != bool(each.cpu_nodes) for each in sizes)
    is_one_kind = bool(size.num_gpus) != bool(size.cpu_nodes)
    return not is_one_kind and makes_sense and has_both_kinds(partitions)


def storage_paths(partition: Partition) -> dict[str, str | None]:
    """Kinds of storage of the partition and their folders; None is the workload's own default."""
    return dict(partition.extras.get("storage") or {DEFAULT_STORAGE: None})


def storage_kinds(partitions: Iterable[Partition]) -> list[str]:
    """The kinds of storage of all the partitions, each once, in the order of their appearance."""
    return list(dict.fromkeys(kind for each in partitions for kind in storage_paths(each)))


def holders(
    size: Size, storage: str, partitions: Iterable[Partition], process_per: str = "node"
) -> list[str]:
    """Full names of the partitions that hold a case and have `storage`.

    Raises ValueError where no partition at all holds it, or has that storage: only a value given
    by hand (`-P`, `-S`) can be such, and it must not vanish from the session in silence."""
    partitions = list(partitions)
    if not any(layout(size, each, process_per) for each in partitions):
        raise ValueError(
            f"no partition holds {size} with one process per {process_per}: "
            f"num_gpus={gpu_counts(partitions)} and cpu_nodes={cpu_node_counts(partitions)} are "
            f"held{_mig_hint(size, partitions)}"
        )

    having_it = with_storage(storage, partitions)
    return [
        each.fullname
        for each in partitions
        if layout(size, each, process_per) and each.fullname in having_it
    ]


def with_storage(storage: str, partitions: Iterable[Partition]) -> list[str]:
    """Full names of the partitions that have `storage`. Raises ValueError where none has."""
    partitions = list(partitions)
    if storage not in storage_kinds(partitions):
        raise ValueError(
            f"no partition has storage={storage}: {storage_kinds(partitions)} are there"
        )

    return [each.fullname for each in partitions if storage in storage_paths(each)]


def _mig_hint(size: Size, partitions: Iterable[Partition]) -> str:
    mig = sorted(each.fullname for each in partitions if each.extras.get("mig_profile"))
    if size.num_gpus < 2 or not mig:
        return ""

    return f"; {', '.join(mig)} has MIG instances, of which a case takes one"
