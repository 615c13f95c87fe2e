"""Configurations of clusters that are not there, for ReFrame to plan on."""

from typing import Any


def partition(name: str, gpus: int = 0, nodes: int = 1, **more: Any) -> dict[str, Any]:
    """A Slurm partition of `nodes` nodes with `gpus` GPUs each; `extras` and others as given."""
    extras = {"num_nodes": nodes, **more.pop("extras", {})}
    resource = {"name": "_rfm_gpu", "options": ["--gpus-per-node={num_gpus_per_node}"]}
    return {
        "name": name,
        "scheduler": "squeue",
        "launcher": "srun",
        "environs": ["builtin"],
        "devices": [{"type": "gpu", "num_devices": gpus}] if gpus else [],
        "extras": extras,
        "resources": [resource] if gpus else [],
        **more,
    }


def local_partition(name: str) -> dict[str, Any]:
    """A partition without a batch scheduler."""
    return {"name": name, "scheduler": "local", "launcher": "local", "environs": ["builtin"]}


def system(name: str, *partitions: dict[str, Any]) -> dict[str, Any]:
    """A system that ReFrame takes only when told to by name."""
    return {"name": name, "hostnames": ["no-such-host"], "partitions": list(partitions)}


def configuration(*systems: dict[str, Any]) -> str:
    """The text of a configuration file with these systems."""
    return f"site_configuration = {{'systems': {list(systems)!r}}}\n"
