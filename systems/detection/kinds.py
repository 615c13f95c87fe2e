"""Deals a cluster's nodes into ReFrame partitions, so that all the nodes of one are of one kind."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import reframe.utility as utility

from systems.detection.cluster import Cluster, Gpus, Node, Queue
from systems.probing.errors import UnusableInput

# Features that tell GPUs apart where their number and type do not: a100_80, h100, mi250x, 80gb.
_GPU_FEATURE = re.compile(r"(?:[vahpbl]\d{2,3}|mi\d{2,3}|gh?\d{3}|rtx|gtx|\d+gb?\b)", re.IGNORECASE)
# What may stand in a constraint and is no operator there.
_PLAIN = re.compile(r"[\w.:+@-]+")
_MIG_PROFILE = re.compile(r"\d+g\.\d+gb", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """What nodes of one kind have in common; `features` are those that tell GPUs apart."""

    gpus: Gpus | None
    cpus: int
    sockets: int
    threads_per_core: int
    features: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A ReFrame partition to be: nodes of one kind in one queue, and how jobs come to them."""

    name: str
    queue: Queue
    kind: Kind
    nodes: tuple[Node, ...]
    access: tuple[str, ...]
    gpu_options: tuple[str, ...] = ()
    comments: tuple[str, ...] = field(default_factory=tuple)

    @property
    def mig_profile(self) -> str:
        """The MIG profile in the GPUs' type, or an empty text."""
        found = _MIG_PROFILE.search(self.kind.gpus.type) if self.kind.gpus else None
        return found[0].lower() if found else ""


def plan(cluster: Cluster) -> tuple[list[Plan], list[str]]:
    """The partitions to write, and why others are left out.

    Raises UnusableInput for a name that no scheduler gives: it would stand in job scripts."""
    for name in (*(each.name for each in cluster.nodes), *(each.name for each in cluster.queues)):
        if not _PLAIN.fullmatch(name):
            raise UnusableInput(f"{name!r} is no name of a node, partition or queue")

    plans: list[Plan] = []
    left_out: list[str] = []
    for queue in cluster.queues:
        reason = _why_not(queue, cluster)
        if reason:
            left_out.append(f"{queue.name}: {reason}.")
        else:
            plans += _plans_of(queue, cluster, {each.name for each in plans})

    return plans, left_out


def _why_not(queue: Queue, cluster: Cluster) -> str:
    nodes = {each.name for each in cluster.nodes_of(queue.name)}
    if not nodes:
        return "it has no node"

    if not queue.up:
        return "it takes no jobs now"

    if not cluster.is_slurm:
        return ""

    for other in cluster.queues:
        shared = {each.name for each in cluster.nodes_of(other.name)}
        if nodes <= shared and _is_covered(queue, other, same=nodes == shared, cluster=cluster):
            return (
                f"its nodes ({_abbreviated(nodes)}) are all in {other.name}, for as long or longer"
            )

    return ""


def _is_covered(queue: Queue, other: Queue, same: bool, cluster: Cluster) -> bool:
    """Whether all that could run in `queue` can run in `other`."""
    if other is queue or not other.up or other.restricted or other.priority < queue.priority:
        return False

    longest, others = _or_unlimited(queue.longest), _or_unlimited(other.longest)
    most, others_most = _or_unlimited(queue.max_nodes), _or_unlimited(other.max_nodes)
    if others < longest or others_most < most:
        return False

    # Of two that are alike in everything one stays: the default, else the first.
    alike = same and others == longest and others_most == most and other.priority == queue.priority
    if alike and not queue.restricted:
        order = [each.name for each in cluster.queues]
        return (not other.default, order.index(other.name)) < (
            not queue.default,
            order.index(queue.name),
        )

    return True


def _or_unlimited(limit: int | None) -> float:
    return math.inf if limit is None else limit


def _plans_of(queue: Queue, cluster: Cluster, taken: set[str]) -> list[Plan]:
    nodes = cluster.nodes_of(queue.name)
    kinds: dict[Kind, list[Node]] = {}
    for node in nodes:
        for kind in _kinds(node):
            kinds.setdefault(kind, []).append(node)

    made: list[Plan] = []
    for kind, members in kinds.items():
        wanted = queue.name if len(kinds) == 1 else f"{queue.name}-{_label(kind)}"
        access, comments = _access(queue, members, nodes, cluster)
        made.append(
            Plan(
                name=_unused(identifier(wanted), taken | {each.name for each in made}),
                queue=queue,
                kind=kind,
                nodes=tuple(members),
                access=access,
                gpu_options=_gpu_options(kind, kinds, cluster),
                comments=comments,
            )
        )

    return made


def _kinds(node: Node) -> list[Kind]:
    """The kinds of a node: one for each type of GPU that it holds, or the one without."""
    telling = tuple(sorted(each for each in node.features if _GPU_FEATURE.match(each)))
    hardware = (node.cpus, node.sockets, node.threads_per_core)
    if not node.gpus:
        return [Kind(None, *hardware, features=())]

    return [Kind(each, *hardware, features=telling) for each in node.gpus]


def _label(kind: Kind) -> str:
    if kind.gpus is None:
        return f"cpu{kind.cpus}"

    return "-".join(kind.features) or kind.gpus.type or f"gpu{kind.gpus.count}"


def identifier(text: str) -> str:
    """`text` as ReFrame takes it for a name: letters, digits, `_` and `-`, no digit first."""
    name = re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("-_") or "unnamed"
    return name if name[0].isalpha() else f"_{name}"


def _unused(name: str, taken: Iterable[str]) -> str:
    taken, number, candidate = set(taken), 2, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1

    return candidate


def _access(
    queue: Queue, members: Sequence[Node], nodes: Sequence[Node], cluster: Cluster
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The options that bring a job to these nodes of the queue and no others, and comments."""
    names = {each.name for each in members}
    others = [each for each in nodes if each.name not in names]
    if not cluster.is_slurm:
        comment = (
            f"Jobs may come to other nodes of {queue.name}: its nodes are of several kinds.",
        )
        return (f"-q {queue.name}",), comment if others else ()

    options = [f"--partition={queue.name}"]
    if not others:
        return tuple(options), ()

    constraint = _constraint(members, others)
    if constraint:
        return (*options, f"--constraint={constraint}"), ()

    excluded = _abbreviated({each.name for each in others})
    comment = (
        f"No feature tells these nodes from the others of {queue.name}: the others are excluded"
        " by name.",
    )
    return (*options, f"--exclude={excluded}"), comment


def _constraint(members: Sequence[Node], others: Sequence[Node]) -> str:
    """The feature, or two, that all the members have and none of the others; or an empty text."""
    shared = set.intersection(*(set(each.features) for each in members))
    usable = sorted(each for each in shared if _PLAIN.fullmatch(each))
    pairs = [(one, two) for one in usable for two in usable if one < two]
    for wanted in [*((each,) for each in usable), *pairs]:
        if not any(set(wanted) <= set(each.features) for each in others):
            return "&".join(wanted)

    return ""


def _gpu_options(kind: Kind, kinds: Iterable[Kind], cluster: Cluster) -> tuple[str, ...]:
    """How a case asks for GPUs; by type only where a node may hold another."""
    if kind.gpus is None:
        return ()

    count = "{num_gpus_per_node}"
    if cluster.scheduler == "pbs":
        return (f"ngpus={count}",)

    if cluster.scheduler == "torque":
        return (f"gpus={count}",)

    types = {each.gpus.type for each in kinds if each.gpus}
    if len(types) > 1 and _PLAIN.fullmatch(kind.gpus.type):
        return (f"--gres=gpu:{kind.gpus.type}:{count}",)

    return (f"--gres=gpu:{count}",)


def _abbreviated(names: Iterable[str]) -> str:
    return str(utility.nodelist_abbrev(sorted(names)))
