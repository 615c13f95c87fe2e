"""A machine by itself with Apptainer: every workload runs in its image, and nothing is submitted.

Its images lie in the folder TRIGPOINT_IMAGES: `skyline.sif` and so on."""

from . import _declaration as declare

site_configuration = {
    "systems": [
        {
            "name": "apptainer_box",
            "descr": "one machine, no GPU, workloads in images",
            "hostnames": [],
            "partitions": [
                {
                    "name": "here",
                    "descr": "the processors of this machine",
                    "scheduler": "local",
                    "launcher": "local",
                    "environs": declare.ENVIRONS,
                    "container_platforms": [{"type": "Apptainer"}],
                    "extras": {
                        "required_environment": [declare.IMAGES],
                        **declare.optional_folders(),
                    },
                }
            ],
        }
    ]
}
