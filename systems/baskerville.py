"""Baskerville, University of Birmingham: nodes with four A100, of 40 GB or of 80 GB.

Its public pages say: account and QOS with every job, no partition, memory of the GPU by constraint,
46 nodes of 40 GB, two Xeon 8360Y and InfiniBand HDR each, /tmp private to each job on local NVMe.
They do not say how many nodes have 80 GB: two are taken here, raise it as far as there are."""

from typing import Any

from . import _declaration as declare


def _nodes(constraint: str, model: str, num_nodes: int) -> dict[str, Any]:
    return {
        "name": constraint,
        "descr": f"4 {model} a node",
        "scheduler": "slurm",
        "launcher": "srun",
        "sched_options": declare.SLURM,
        "access": declare.access(
            f"--constraint={constraint}",
            account=declare.ACCOUNT,
            qos=declare.QOS,
            reservation=declare.RESERVATION,
        ),
        "environs": declare.ENVIRONS,
        "container_platforms": [{"type": "Apptainer"}],
        "processor": {
            "num_cpus": 144,
            "num_cpus_per_core": 2,
            "num_cpus_per_socket": 72,
            "num_sockets": 2,
        },
        "devices": [{"type": "gpu", "model": model, "num_devices": 4}],
        "features": ["gpu"],
        "resources": declare.gpu_resource("--gpus-per-node={num_gpus_per_node}"),
        "extras": {
            "num_nodes": num_nodes,
            "storage": declare.storage("network"),
            "interconnect": {"name": "InfiniBand HDR"},
            "required_environment": [
                declare.ACCOUNT,
                declare.QOS,
                declare.storage_variable("network"),
            ],
            **declare.optional_folders(scratch="/tmp"),
        },
    }


site_configuration = {
    "systems": [
        {
            "name": "baskerville",
            "descr": "Baskerville: nodes with 4 A100",
            "hostnames": [r"bask-pg\w+"],
            "partitions": [
                _nodes("a100_40", "A100-SXM4-40GB", num_nodes=46),
                _nodes("a100_80", "A100-SXM4-80GB", num_nodes=2),
            ],
        }
    ]
}
