"""To copy to systems/SITE.py: a Slurm cluster of nodes with four MI250X each.

An MI250X is two devices (GCDs) to Slurm and to TensorFlow: eight a node. PyPI's `tensorflow` has
no ROCm: build images with `--base amd`, or, to run natively, take AMD's `tensorflow-rocm`.
NVML is NVIDIA's: what the suite reads through it of a GPU is absent from the records here.

Change what is marked with a *; `docs/sites.md` says what each field means."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "mi250x_cluster",  # *
            "descr": "nodes with 4 MI250X, 8 GCDs",
            "hostnames": [r"login\d+\.mi250x\.example"],  # * of the login nodes
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "8 GCDs of MI250X a node",
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
                    "processor": {"num_cpus": 128},  # * as `scontrol show node` says: CPUTot
                    "devices": [
                        {"type": "gpu", "arch": "gfx90a", "model": "MI250X GCD", "num_devices": 8}
                    ],
                    "features": ["gpu"],  # * and "offline" where nodes have no way to the internet
                    "resources": declare.gpu_resource("--gpus-per-node={num_gpus_per_node}"),
                    "extras": {
                        "num_nodes": 8,  # *
                        "storage": declare.storage("network"),
                        "interconnect": {"name": "Slingshot 11", "interface": "hsn0"},  # *
                        # Of one GCD: AMD gives twice as much for the MI250X.
                        "gpu_peak_tflops": {"float32": 23.95, "mixed_float16": 191.5},
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
