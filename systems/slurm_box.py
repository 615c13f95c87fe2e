"""The one-machine cluster that the integration tests start: Slurm, with node1 ... node4 all being
this machine, each with four GPUs that are character devices and no GPUs.

`slurm_box` computes on the processor alone, and `slurm_box_images` does so in Apptainer.
`slurm_box_broken` promises the GPUs, to show that one that is not there is red; it is a system of
its own, so that nobody runs it unasked."""

from typing import Any

from . import _declaration as declare

# A TensorFlow process needs some 600 MB, and the node's default would be 100 MB a processor.
MEMORY = "--mem=3000"
# No machine that runs these tests has fewer; Slurm is told that each of its nodes has more.
PROCESSOR = {"num_cpus": 2}


def _slurm_nodes(name: str, scheduler: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "scheduler": scheduler,
        "launcher": "srun",
        "sched_options": declare.SLURM,
        "access": ["--partition=gpu", MEMORY],
        "environs": declare.ENVIRONS,
        "processor": PROCESSOR,
        **more,
    }


def _extras(num_nodes: int) -> dict[str, Any]:
    return {
        "num_nodes": num_nodes,
        # All nodes are this machine, and nothing else has any business with their processes.
        "interconnect": {"name": "loopback", "interface": "lo"},
        **declare.optional_folders(),
    }


site_configuration = {
    "systems": [
        {
            "name": "slurm_box",
            "descr": "4 nodes that are one machine, no GPU",
            "hostnames": [],
            "partitions": [
                _slurm_nodes("cpu", "slurm", descr="with accounting", extras=_extras(4)),
                _slurm_nodes("cpu_squeue", "squeue", descr="without", extras=_extras(4)),
                {
                    "name": "torque",
                    "descr": "through Torque's commands",
                    "scheduler": "torque",
                    "launcher": "local",
                    "sched_options": {"job_submit_timeout": 60},
                    "access": ["-q gpu", "-l mem=3000mb"],
                    "environs": declare.ENVIRONS,
                    "processor": PROCESSOR,
                    "extras": _extras(1),
                },
            ],
        },
        {
            "name": "slurm_box_images",
            "descr": "the same, workloads in images",
            "hostnames": [],
            "partitions": [
                _slurm_nodes(
                    "cpu",
                    "slurm",
                    container_platforms=[{"type": "Apptainer"}],
                    extras=_extras(4) | {"required_environment": [declare.IMAGES]},
                )
            ],
        },
        {
            "name": "slurm_box_broken",
            "descr": "the same with GPUs that are not there",
            "hostnames": [],
            "partitions": [
                _slurm_nodes(
                    "fake_gpu",
                    "slurm",
                    devices=[{"type": "gpu", "model": "none", "num_devices": 4}],
                    features=["gpu"],
                    resources=declare.gpu_resource(),
                    extras=_extras(4),
                )
            ],
        },
    ]
}
