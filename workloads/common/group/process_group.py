"""The processes of a run: who they are and where they listen, from the launcher's environment.

Looked for in this order: TF_CONFIG, a Slurm step (`srun`), PBS or Torque with an MPI launcher.
Anything else is one process.
"""

import json
import socket
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

from workloads.common.errors import UnusableInput

# Below Linux's ephemeral range (32768 to 60999), so that no client connection holds the port.
FIRST_PORT, PORTS = 20000, 12000
LARGEST_PORT = 65535


@dataclass(frozen=True)
class ProcessGroup:
    """One process's view of the group: `addresses[rank]` is where it listens, as host:port.

    `job` tells the group from those of other jobs. `nodes[rank]` is the name of its node, known
    when the group has met.
    """

    rank: int = 0
    addresses: tuple[str, ...] = ()
    job: str = ""
    nodes: tuple[str, ...] = ()

    @property
    def processes(self) -> int:
        """Number of processes in the group."""
        return max(1, len(self.addresses))

    def host(self, rank: int) -> str:
        """The node of a rank: its name, or what its address says as long as that is unknown."""
        return self.nodes[rank] if self.nodes else self.addresses[rank].rsplit(":", 1)[0]

    @property
    def shares_nodes(self) -> bool:
        """Whether several of its processes are on one node."""
        return len({self.host(rank) for rank in range(len(self.addresses))}) < len(self.addresses)

    @property
    def local_ranks(self) -> list[int]:
        """The ranks on this process's host, in order."""
        if not self.addresses:
            return [0]
        own = self.host(self.rank)
        return [rank for rank in range(self.processes) if self.host(rank) == own]

    @property
    def tf_config(self) -> str:
        """The value of TF_CONFIG that describes this group to TensorFlow."""
        cluster = {"worker": list(self.addresses)}
        return json.dumps({"cluster": cluster, "task": {"type": "worker", "index": self.rank}})


def node_name(environment: Mapping[str, str]) -> str:
    """The name of this node, as the scheduler calls it where there is one."""
    return environment.get("SLURMD_NODENAME") or socket.gethostname()


def place(environment: Mapping[str, str]) -> str:
    """`rank 2 on node3: ` in a group of several processes; nothing in one, or where unknown."""
    try:
        group = process_group(environment)
    except UnusableInput:
        return ""
    if group.processes == 1:
        return ""
    return f"rank {group.rank} on {node_name(environment)}: "


def process_group(environment: Mapping[str, str]) -> ProcessGroup:
    """The process group that `environment` describes; one process if it describes none.

    Raises UnusableInput when the environment contradicts itself.
    """
    if "TF_CONFIG" in environment:
        return _from_tf_config(environment["TF_CONFIG"])
    try:
        if int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
            return _from_slurm(environment)
    except (KeyError, ValueError, NodeSetException) as error:
        raise UnusableInput(
            f"the environment of the Slurm step is incomplete or wrong: {error!r}"
        ) from None
    try:
        rank, processes = _mpi_rank(environment)
    except ValueError as error:
        raise UnusableInput(f"the MPI launcher's environment is wrong: {error}") from None
    if processes > 1:
        return _from_pbs(environment, rank, processes)
    return ProcessGroup()


def _from_tf_config(text: str) -> ProcessGroup:
    try:
        config = json.loads(text)
        roles = sorted(config["cluster"].keys() - {"worker"})
        workers = tuple(_address(each) for each in config["cluster"]["worker"])
        task = config["task"]
        rank = int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UnusableInput(f"TF_CONFIG is not as TensorFlow documents it: {error!r}") from None
    if roles:
        names = ", ".join(map(repr, roles))
        raise UnusableInput(f"TF_CONFIG names {names}: list every process as worker, rank 0 first")
    if task.get("type") != "worker" or not 0 <= rank < len(workers):
        raise UnusableInput("TF_CONFIG must describe one of its workers: check its task")
    return ProcessGroup(rank, workers if len(workers) > 1 else ())


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not _is_host(host) or not port.isdecimal() or not 1 <= int(port) <= LARGEST_PORT:
        raise ValueError(f"{text!r} is not HOST:PORT with a port of 1 to {LARGEST_PORT}")
    return text


def _is_host(text: str) -> bool:
    """Whether `text` can be the name or the address of a host, known or not."""
    try:
        # As the socket library does before it looks the name up.
        text.encode("idna")
    except UnicodeError:
        return False
    return bool(text) and text.isprintable() and " " not in text and "@" not in text


def _from_slurm(environment: Mapping[str, str]) -> ProcessGroup:
    rank = int(environment["SLURM_PROCID"])
    # Without the resolver of groups, which would run commands that a site configured.
    nodes = list(NodeSet(environment["SLURM_STEP_NODELIST"], resolver=RESOLVER_NOGROUP))
    counts = _tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
    hosts = [node for node, count in zip(nodes, counts, strict=True) for _ in range(count)]
    if not 0 <= rank < len(hosts):
        raise ValueError(f"rank {rank} of {len(hosts)}")
    own = environment.get("SLURMD_NODENAME", hosts[rank])
    if hosts[rank] != own:
        raise UnusableInput(
            f"rank {rank} runs on {own} but block order puts it on {hosts[rank]}: "
            "start with srun --distribution=block"
        )
    job = f"{environment['SLURM_JOB_ID']}.{environment.get('SLURM_STEP_ID', '0')}"
    return ProcessGroup(rank, _addresses(hosts, job), job)


def _tasks_per_node(text: str) -> list[int]:
    """Slurm's notation for counts: `2(x3),1` is 2, 2, 2, 1."""
    counts: list[int] = []
    for item in text.split(","):
        count, _, times = item.partition("(x")
        counts += [int(count)] * int(times.rstrip(")") or "1")
    return counts


def _mpi_rank(environment: Mapping[str, str]) -> tuple[int, int]:
    for prefix in ("OMPI_COMM_WORLD_", "PMI_"):
        if f"{prefix}RANK" in environment:
            size = int(environment.get(f"{prefix}SIZE", "1"))
            rank = int(environment[f"{prefix}RANK"])
            if not 0 <= rank < size:
                raise ValueError(f"rank {rank} of {size}")
            return rank, size
    return 0, 1


def _from_pbs(environment: Mapping[str, str], rank: int, processes: int) -> ProcessGroup:
    node_file = environment.get("PBS_NODEFILE")
    if node_file is None:
        raise UnusableInput(
            f"an MPI launcher started {processes} processes but no scheduler says where: "
            "set TF_CONFIG, or start them from a Slurm or PBS job"
        )
    try:
        slots = Path(node_file).read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"PBS_NODEFILE cannot be read: {error}") from None
    unique = list(dict.fromkeys(slots))
    if processes == len(slots):
        hosts: Sequence[str] = slots
    elif processes == len(unique):
        hosts = unique
    else:
        raise UnusableInput(
            f"{processes} processes on {len(unique)} nodes with {len(slots)} slots: "
            "start one per slot or one per node"
        )
    job = environment.get("PBS_JOBID", "0")
    try:
        return ProcessGroup(rank, _addresses(hosts, job), job)
    except ValueError as error:
        raise UnusableInput(f"PBS_NODEFILE is not a list of hosts: {error}") from None


def _addresses(hosts: Sequence[str], job: str) -> tuple[str, ...]:
    """One port for each process, drawn per job so that jobs sharing a node do not meet.

    No two ranks have the same port: names of nodes may stand for one machine. Raises ValueError
    where one is no name of a host.
    """
    first = FIRST_PORT + zlib.crc32(job.encode()) % PORTS
    return tuple(_address(f"{host}:{first + rank}") for rank, host in enumerate(hosts))
