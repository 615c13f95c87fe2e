"""JADE 2, Hartree Centre: 63 DGX MAX-Q, eight V100 with 32 GB and 40 cores each.

Its user documentation says: partition `big` is for jobs that take a whole node, up to 24 hours (the
others are for one GPU, and for an hour of trying out); Singularity on compute nodes alone, which
have no way to the internet; the local disk is /local_scratch, and emptied after each job."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "jade2",
            "descr": "JADE 2: DGX MAX-Q, 8 V100 each",
            "hostnames": [r"jade2\b", r"dgk\d+"],
            "partitions": [
                {
                    "name": "big",
                    "descr": "a whole DGX MAX-Q",
                    "scheduler": "slurm",
                    "launcher": "srun",
                    "sched_options": declare.SLURM,
                    "access": declare.access(
                        "--partition=big",
                        account=declare.ACCOUNT,
                        reservation=declare.RESERVATION,
                    ),
                    "environs": declare.ENVIRONS,
                    "container_platforms": [{"type": "Singularity"}],
                    "processor": {"num_cpus": 40},
                    "devices": [{"type": "gpu", "model": "V100-SXM2-32GB", "num_devices": 8}],
                    "features": ["gpu", "offline"],
                    "resources": declare.gpu_resource(),
                    "extras": {
                        # A job of this partition takes one node, of which there are 30.
                        "num_nodes": 1,
                        "storage": declare.storage("network"),
                        "required_environment": [declare.storage_variable("network")],
                        **declare.optional_folders(scratch="/local_scratch"),
                    },
                }
            ],
        }
    ]
}
