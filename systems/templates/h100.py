"""To copy to systems/SITE.py: a Slurm cluster of nodes with four H100 each.

Change what is marked with a *; `docs/sites.md` says what each field means."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "h100_cluster",  # *
            "descr": "nodes with 4 H100",
            "hostnames": [r"login\d+\.h100\.example"],  # * of the login nodes
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "4 H100 a node",
                    "scheduler": "slurm",  # `squeue` where Slurm keeps no accounts
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
                    "processor": {"num_cpus": 96},  # * as `scontrol show node` says: CPUTot
                    "devices": [{"type": "gpu", "model": "H100-SXM5-80GB", "num_devices": 4}],  # *
                    "features": ["gpu"],  # * and "offline" where nodes have no way to the internet
                    "resources": declare.gpu_resource("--gpus-per-node={num_gpus_per_node}"),
                    "extras": {
                        "num_nodes": 8,  # *
                        "storage": declare.storage("network"),
                        "interconnect": {"name": "InfiniBand NDR", "interface": "ib0"},  # *
                        "required_environment": [
                            declare.ACCOUNT,
                            declare.storage_variable("network"),
                        ],
                        **declare.optional_folders(scratch="/tmp"),  # *
                    },
                }
            ],
        }
    ]
}
