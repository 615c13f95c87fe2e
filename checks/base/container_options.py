"""The options that a container platform starts a stage's image with."""

import os
from typing import Any

from checks.base.container_environment import passed_by_name
from checks.base.container_platforms import PLATFORMS
from checks.base.gpu_access import GpuAccess, gpu_access

# An entry point of the image would take the command for arguments of its own.
_NO_ENTRY_POINT = "--entrypoint /usr/bin/env"
# What a native stage has as well: the network of its node, memory that processes share, and its
# files, which SELinux would withhold.
_LIKE_THE_HOST = ("--network host", "--ipc host", "--security-opt label=disable")
_OPTIONS = {
    "sarus": [_NO_ENTRY_POINT],
    "pyxis": ["--no-container-entrypoint"],
}


def options(test: Any, platform: str) -> list[str]:
    """All of them: who the stage is inside, which variables it has, and its GPUs."""
    gpus = gpu_options(test, platform).options
    if PLATFORMS[platform].passes_variables:
        return [*_OPTIONS.get(platform, []), *gpus]

    user = [f"--user {os.getuid()}:{os.getgid()}"]
    if platform == "podman" and os.getuid() != 0:
        # It gives a user other numbers inside unless it is told to keep them.
        user = ["--userns=keep-id", *user, "--group-add keep-groups"]
    else:
        # Who may read a project's data, and use AMD's GPUs, is said by groups.
        user += [f"--group-add {each}" for each in sorted({*os.getgroups()} - {os.getgid()})]

    variables = [f"--env {name}" for name in passed_by_name(test, platform)]
    return [*user, *_LIKE_THE_HOST, _NO_ENTRY_POINT, *variables, *gpus]


def gpu_options(test: Any, platform: str) -> GpuAccess:
    """How the stage gets to its GPUs; nothing where it has none."""
    if not test.num_gpus_per_node:
        return GpuAccess()

    return gpu_access(platform, test.current_partition)
