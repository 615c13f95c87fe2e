"""Asks Slurm what its cluster is."""

from collections.abc import Mapping

from systems.detection import slurm_text
from systems.detection.cluster import Cluster, Node, Queue
from systems.detection.programs import output_of
from systems.probing.errors import UnusableInput

# Any of these makes Slurm refuse a job whose user has no association with an account.
NEEDS_ACCOUNT = {"associations", "limits", "qos", "safe", "wckeys", "all"}


def ask() -> Cluster:
    """What `sinfo` and `scontrol` say. Raises UnusableInput where they do not answer."""
    texts = {
        "version": output_of("sinfo", "--version"),
        "config": output_of("scontrol", "show", "config"),
        "partitions": output_of("scontrol", "--oneliner", "show", "partition"),
        "nodes": output_of("scontrol", "--oneliner", "show", "node"),
    }
    try:
        return read(**texts)
    except ValueError as error:
        raise UnusableInput(f"this Slurm prints what is not understood: {error}") from error


def read(version: str, config: str, partitions: str, nodes: str) -> Cluster:
    """The cluster, from the texts of these commands."""
    settings = slurm_text.settings(config)
    found = [_node(each) for each in slurm_text.records(nodes) if "NodeName" in each]
    queues = [_queue(each) for each in slurm_text.records(partitions) if "PartitionName" in each]
    if not found or not queues:
        raise UnusableInput("Slurm shows no node, or no partition, to this user: ask as another")

    enforced = settings.get("AccountingStorageEnforce", "").lower().split(",")
    accounting = settings.get("AccountingStorageType", "").endswith("/slurmdbd")
    return Cluster(
        scheduler="slurm" if accounting else "squeue",
        name=settings.get("ClusterName", ""),
        version=version.strip(),
        nodes=tuple(found),
        queues=tuple(queues),
        account_required=accounting and not NEEDS_ACCOUNT.isdisjoint(enforced),
        temporary_folder=settings.get("TmpFS", ""),
    )


def _node(record: Mapping[str, str]) -> Node:
    return Node(
        name=record["NodeName"],
        queues=tuple(slurm_text.present(record.get("Partitions", "")).split(",")),
        cpus=int(record.get("CPUTot") or 0),
        gpus=slurm_text.gpus(record.get("Gres", "")),
        features=slurm_text.features(
            record.get("ActiveFeatures") or record.get("AvailableFeatures") or ""
        ),
        sockets=int(record.get("Sockets") or 0),
        threads_per_core=int(record.get("ThreadsPerCore") or 0),
        memory=int(record.get("RealMemory") or 0),
        state=record.get("State", ""),
        address=slurm_text.present(record.get("NodeAddr", "")),
    )


def _queue(record: Mapping[str, str]) -> Queue:
    return Queue(
        name=record["PartitionName"],
        default=record.get("Default") == "YES",
        up=record.get("State") == "UP",
        longest=slurm_text.seconds(record.get("MaxTime", "")),
        max_nodes=slurm_text.number(record.get("MaxNodes", "")),
        priority=int(record.get("PriorityTier") or 0),
        restricted=_restriction(record),
    )


def _restriction(record: Mapping[str, str]) -> str:
    """Why not everybody may submit; empty where everybody may."""
    limits = [
        f"{key}={record[key]}"
        for key in ("AllowGroups", "AllowAccounts", "AllowQos")
        if record.get(key, "ALL") != "ALL"
    ]
    limits += [
        f"{key}=YES" for key in ("RootOnly", "Hidden", "ReqResv") if record.get(key) == "YES"
    ]
    return ", ".join(limits)
