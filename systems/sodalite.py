"""The SODALITE testbed: one GeForce GTX 1080 Ti a node, under Torque.

The published runs say: `-l nodes=1:ppn=40:gpus=1`, Singularity with `--nv`, home on NFS, a
workspace on SSD. `references/sodalite.yaml` holds their figures. Torque has no exclusive nodes: all
40 processors are taken instead, and jobs of one node need no launcher."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "sodalite",
            "descr": "SODALITE testbed: GTX 1080 Ti",
            "hostnames": [],
            "partitions": [
                {
                    "name": "gpu",
                    "descr": "1 GTX 1080 Ti a node",
                    "scheduler": "torque",
                    "launcher": "local",
                    "sched_options": {"job_submit_timeout": 60},
                    "environs": declare.ENVIRONS,
                    "container_platforms": [{"type": "Singularity"}],
                    "processor": {"num_cpus": 40},
                    "devices": [{"type": "gpu", "model": "GTX 1080 Ti", "num_devices": 1}],
                    "features": ["gpu"],
                    "resources": declare.gpu_resource("gpus={num_gpus_per_node}"),
                    "extras": {
                        "num_nodes": 1,
                        "storage": declare.storage("network", "ssd"),
                        "required_environment": [
                            declare.storage_variable("network"),
                            declare.storage_variable("ssd"),
                        ],
                        **declare.optional_folders(),
                    },
                }
            ],
        }
    ]
}
