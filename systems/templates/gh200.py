"""To copy to systems/SITE.py: a Slurm cluster of nodes with four GH200 each.

PyPI has TensorFlow for aarch64, but without CUDA: it computes on the processor alone, and every GPU
case is red, because the records say that no GPU was used. Build images on NVIDIA's TensorFlow image
from NGC instead (`--base`), or build TensorFlow with CUDA yourself; `python -m systems check` tells
which you have natively.

Change what is marked with a *; `docs/sites.md` says what each field means."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "gh200_cluster",  # *
            "descr": "nodes with 4 GH200",
            "hostnames": [r"login\d+\.gh200\.example"],  # * of the login nodes
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "4 GH200 a node",
                    "scheduler": "slurm",
                    "launcher": "srun",
                    "sched_options": declare.SLURM,
                    "access": declare.access(
                        "--partition=gpu",  # *
                        account=declare.ACCOUNT,
                        qos=declare.QOS,
                        reservation=declare.RESERVATION,
                    ),
                    "environs": declare.ENVIRONS,
                    "container_platforms": [{"type": "Apptainer"}],  # * none: run natively
                    # 72 processors of each of the four superchips.
                    "processor": {"arch": "neoverse_v2", "num_cpus": 288, "num_sockets": 4},
                    "devices": [{"type": "gpu", "model": "GH200-96GB", "num_devices": 4}],  # *
                    "features": ["gpu"],  # * and "offline" where nodes have no way to the internet
                    "resources": declare.gpu_resource("--gpus-per-node={num_gpus_per_node}"),
                    "extras": {
                        "num_nodes": 8,  # *
                        "storage": declare.storage("network"),
                        "interconnect": {"name": "Slingshot 11", "interface": "hsn0"},  # *
                        "required_environment": [
                            declare.ACCOUNT,
                            declare.storage_variable("network"),
                        ],
                        # Nodes without a disk have their memory for scratch.
                        **declare.optional_folders(scratch="/dev/shm"),  # *
                    },
                }
            ],
        }
    ]
}
