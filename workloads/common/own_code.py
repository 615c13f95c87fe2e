"""What a process of the suite's own is started with."""

import os

from workloads.common.image_identity import CHECKOUT


def own_code_environment() -> dict[str, str]:
    """The environment of this process, by which Python finds the workloads from any folder."""
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
