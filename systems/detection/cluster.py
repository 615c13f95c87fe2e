"""What a batch scheduler says of its cluster, whichever scheduler it is."""

from dataclasses import dataclass, field

# States, or marks behind one, of a node that takes no job before somebody mends it.
OUT_OF_SERVICE = ("down", "drain", "fail", "error", "offline", "unknown", "not_responding", "*")


@dataclass(frozen=True)
class Gpus:
    """GPUs of a node of one type, as the scheduler counts them; the type may be empty."""

    type: str
    count: int


@dataclass(frozen=True)
class Node:
    """A node; memory in MB, 0 where it is not said; `queues` is empty where that is not said."""

    name: str
    queues: tuple[str, ...]
    cpus: int
    gpus: tuple[Gpus, ...] = ()
    features: tuple[str, ...] = ()
    sockets: int = 0
    threads_per_core: int = 0
    memory: int = 0
    state: str = ""
    address: str = ""

    @property
    def in_service(self) -> bool:
        """Whether it takes jobs, now or when the present ones end."""
        return not any(word in self.state.lower() for word in OUT_OF_SERVICE)


@dataclass(frozen=True)
class Queue:
    """A partition of Slurm's, or a queue of PBS's; times in seconds, None where unlimited."""

    name: str
    default: bool = False
    up: bool = True
    longest: int | None = None
    max_nodes: int | None = None
    priority: int = 0
    restricted: str = ""


@dataclass(frozen=True)
class Cluster:
    """A cluster: `scheduler` is ReFrame's name of the backend that fits."""

    scheduler: str
    name: str
    version: str
    nodes: tuple[Node, ...]
    queues: tuple[Queue, ...]
    account_required: bool = False
    temporary_folder: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def is_slurm(self) -> bool:
        """Whether it is Slurm, with accounting or without."""
        return self.scheduler in ("slurm", "squeue")

    def nodes_of(self, queue: str) -> tuple[Node, ...]:
        """The nodes that jobs of the queue may come to; all where that is not said."""
        return tuple(each for each in self.nodes if not each.queues or queue in each.queues)
