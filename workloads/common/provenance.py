"""What a figure was measured with: versions of the suite, the workload and its libraries."""

import argparse
import platform
from importlib import metadata

from workloads.common.commit import suite_commit
from workloads.common.image_identity import CHECKOUT, image_identity
from workloads.common.node_versions import node_versions, told_by_all
from workloads.common.records import Recorder


def versions(*packages: str) -> dict[str, str]:
    """`NAME_version` of Python and of each installed package in `packages`."""
    found = {"python_version": platform.python_version()}
    for package in packages:
        found[f"{package.replace('-', '_')}_version"] = metadata.version(package)
    return found


def record_run(
    recorder: Recorder, options: argparse.Namespace, workload: str, version: str, *packages: str
) -> None:
    """Record which stage of which workload runs, in which size and image, with which versions.

    Those of the node are of this process's; what computes in several processes tells of all of
    them later (computing.py).
    """
    recorder.provenance(
        stage=options.stage,
        workload=workload,
        workload_version=version,
        preset=options.preset,
        seed=options.seed,
        suite_commit=suite_commit(),
        **_image(),
        **versions(*packages),
        **told_by_all([node_versions()]),
    )


def _image() -> dict[str, str]:
    """The name and the commit of the image that this runs in; nothing natively."""
    image = image_identity(CHECKOUT)
    return {} if image is None else {"image_name": image.name, "image_commit": image.commit}
