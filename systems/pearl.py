"""PEARL, STFC and The Alan Turing Institute: two DGX-2, 16 V100 with 32 GB each.

The service's own user documentation says: one Slurm partition, jobs charged to an account, 96
logical processors a node, InfiniBand EDR, Singularity on every node, home and work on BeeGFS. It
does not say where the nodes' local NVMe is mounted: name it in TRIGPOINT_SCRATCH."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "pearl",
            "descr": "PEARL: 2 DGX-2, 16 V100 each",
            "hostnames": [r"(ui|mn\d+)\.pearl\."],
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "DGX-2",
                    "scheduler": "slurm",
                    "launcher": "srun",
                    "sched_options": declare.SLURM,
                    "access": declare.access(
                        "--partition=pearl",
                        account=declare.ACCOUNT,
                        reservation=declare.RESERVATION,
                    ),
                    "environs": declare.ENVIRONS,
                    "container_platforms": [{"type": "Singularity"}],
                    "processor": {
                        "num_cpus": 96,
                        "num_cpus_per_core": 2,
                        "num_cpus_per_socket": 48,
                        "num_sockets": 2,
                    },
                    "devices": [{"type": "gpu", "model": "V100-SXM3-32GB", "num_devices": 16}],
                    "features": ["gpu"],
                    "resources": declare.gpu_resource(),
                    "extras": {
                        "num_nodes": 2,
                        "storage": declare.storage("network"),
                        "interconnect": {"name": "InfiniBand EDR"},
                        "required_environment": [
                            declare.ACCOUNT,
                            declare.storage_variable("network"),
                        ],
                        **declare.optional_folders(),
                    },
                }
            ],
        }
    ]
}
