"""The `extras` of a partition of a site file: nodes, scratch, interconnect."""

from typing import Any

from systems import _declaration as declare
from systems.detection import evidence
from systems.detection.cluster import Cluster
from systems.detection.containers_text import images
from systems.detection.kinds import Plan
from systems.detection.source import Block, Comment
from systems.probing.answer import Answer


def extras(cluster: Cluster, plan: Plan, answer: Answer | None, one_node: bool) -> list[Any]:
    """The entries; `answer` is None where no node has been looked at."""
    most = 1 if one_node else plan.queue.max_nodes or len(plan.nodes)
    entries: list[Any] = []
    if most < len(plan.nodes) and not one_node:
        entries.append(Comment(f"As many as a job of {plan.queue.name} may take."))

    entries.append(("num_nodes", min(len(plan.nodes), most)))
    if answer is None:
        entries.append(Comment("Not known: scratch and interconnect of the nodes."))
    else:
        entries += _scratch(cluster, answer)
        entries += _interconnect(plan, answer)

    profile = (found.mig_profile if answer and (found := evidence.model(answer)) else "") or (
        plan.mig_profile if answer is None else ""
    )
    if profile:
        entries.append(("mig_profile", profile))

    entries += [
        Comment("Not known, and optional; folders by kind of storage, and by workload:"),
        Comment('"storage": {"ssd": "/..."}'),
        Comment('"data": {"skyline": "/..."}'),
        *images(answer),
    ]
    if cluster.account_required:
        entries.append(("required_environment", [declare.ACCOUNT]))

    return entries


def _scratch(cluster: Cluster, answer: Answer) -> Block:
    folder = cluster.temporary_folder
    chosen, seen = evidence.scratch(answer, folder)
    entries: list[Any] = [Comment(f"Seen on the node: {'; '.join(seen)}.")] if seen else []
    if "%" in folder:
        entries.append(Comment(f"Slurm's TmpFS is {folder}: a path by node cannot be named here."))

    return (
        [*entries, ("scratch", chosen)]
        if chosen
        else [
            *entries,
            Comment("Not known: a folder local to the node that may be written (scratch)."),
        ]
    )


def _interconnect(plan: Plan, answer: Answer) -> Block:
    addresses = {each.name: each.address for each in plan.nodes}
    found = evidence.interconnect(answer, addresses.get(answer.slurm_node or "", ""))
    others = evidence.other_interfaces(answer, found.get("interface", "") if found else "")
    entries: list[Any] = [Comment(f"Other networks: {', '.join(others)}.")] if others else []
    if found:
        return [*entries, ("interconnect", found)]

    return [*entries, Comment("Not known: the interconnect, and the interface that leads to it.")]
