"""How many GPUs, nodes and tasks a case takes, from the partitions that ReFrame has at hand.

A partition's configuration says what it holds:

    'devices': [{'type': 'gpu', 'num_devices': 4}],             # in each node
    'extras': {'num_nodes': 8, 'storage': {'ssd': '/scratch'}}  # 1 node, one storage if unsaid
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

GPU_COUNTS = (1, 2, 4, 8, 16, 32)
DEFAULT_STORAGE = "local"


class Partition(Protocol):
    """The part of ReFrame's `SystemPartition` that geometry reads."""

    fullname: str
    devices: Any
    extras: Any


@dataclass(frozen=True)
class Layout:
    """Nodes and tasks of one case: one process on each node, with all the case's GPUs there."""

    num_nodes: int
    gpus_per_node: int

    @property
    def num_tasks(self) -> int:
        """Processes in all."""
        return self.num_nodes


def gpus_per_node(partition: Partition) -> int:
    """GPUs in each node of the partition."""
    return sum(device.num_devices for device in partition.devices if device.device_type == "gpu")


def num_nodes(partition: Partition) -> int:
    """Nodes of the partition: its extra `num_nodes`, else 1."""
    return int(partition.extras.get("num_nodes", 1))


def layout(num_gpus: int, partition: Partition) -> Layout | None:
    """The fewest equal nodes of the partition that hold `num_gpus`, or None where it cannot.

    The case without a GPU (0) takes one node of a partition that has none."""
    here = gpus_per_node(partition)
    if num_gpus == 0:
        return Layout(1, 0) if here == 0 else None

    for nodes in range(1, num_nodes(partition) + 1):
        if num_gpus % nodes == 0 and num_gpus // nodes <= here:
            return Layout(nodes, num_gpus // nodes)

    return None


def gpu_counts(partitions: Iterable[Partition]) -> list[int]:
    """Those of 1, 2, 4, ... 32 GPUs that some partition holds; [0] where no partition has any."""
    partitions = list(partitions)
    held = [count for count in GPU_COUNTS if any(layout(count, each) for each in partitions)]
    return held or [0]


def storage_paths(partition: Partition) -> dict[str, str | None]:
    """Kinds of storage of the partition and their folders; None is the workload's own default."""
    return dict(partition.extras.get("storage") or {DEFAULT_STORAGE: None})


def storage_kinds(partitions: Iterable[Partition]) -> list[str]:
    """The kinds of storage of all the partitions, each once, in the order of their appearance."""
    return list(dict.fromkeys(kind for each in partitions for kind in storage_paths(each)))


def holders(num_gpus: int, storage: str, partitions: Iterable[Partition]) -> list[str]:
    """Full names of the partitions that hold `num_gpus` and have `storage`.

    Raises ValueError where no partition at all holds so many GPUs, or has that storage: only a
    value given by hand (`-P`) can be such, and it must not vanish from the session in silence."""
    partitions = list(partitions)
    if not any(layout(num_gpus, each) for each in partitions):
        raise ValueError(
            f"no partition holds num_gpus={num_gpus}: {gpu_counts(partitions)} are held"
        )

    if storage not in storage_kinds(partitions):
        raise ValueError(
            f"no partition has storage={storage}: {storage_kinds(partitions)} are there"
        )

    return [
        each.fullname
        for each in partitions
        if layout(num_gpus, each) and storage in storage_paths(each)
    ]
