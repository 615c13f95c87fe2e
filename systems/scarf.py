"""SCARF, STFC: nodes with four V100 each; 32 GPUs over eight of them have been used.

The published runs say so much. The service's user documentation that was at hand is older than
these nodes: partition `gpu`, GPUs through `--gres`, Slurm's options. How many processors a V100
node has is not said there: a case then gets what Slurm gives by default."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "scarf",
            "descr": "SCARF: nodes with 4 V100",
            "hostnames": [r"(\w+\.)?scarf\.rl\.ac\.uk$"],
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "4 V100 a node",
                    "scheduler": "slurm",
                    "launcher": "srun",
                    "sched_options": declare.SLURM,
                    "access": declare.access(
                        "--partition=gpu",
                        account=declare.ACCOUNT,
                        reservation=declare.RESERVATION,
                    ),
                    "environs": declare.ENVIRONS,
                    "devices": [{"type": "gpu", "model": "V100", "num_devices": 4}],
                    "features": ["gpu"],
                    "resources": declare.gpu_resource("--gres=gpu:v100:{num_gpus_per_node}"),
                    "extras": {
                        "num_nodes": 8,
                        "storage": declare.storage("network"),
                        "required_environment": [declare.storage_variable("network")],
                        **declare.optional_folders(),
                    },
                }
            ],
        }
    ]
}
