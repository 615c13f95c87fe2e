"""Launches a stage in its image wherever the partition has a container platform."""

import shlex
from typing import Any

import reframe as rfm
import reframe.core.builtins as builtins
import reframe.core.containers as containers
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError

from checks.base import bind_mounts, container_options, image_examination, image_rules, images
from checks.base.container_environment import OF_THE_HOST
from checks.base.container_platforms import CONTAINERS, NATIVE, PLATFORMS
from checks.base.evidence import Evidence
from checks.base.image_supply import require_supply
from checks.base.node_conditions import conditions
from checks.base.sanity import Complaint
from checks.base.suite_commit import suite_commit

#: The interpreter of every image of the suite.
IMAGE_PYTHON = "/opt/trigpoint/environment/bin/python"


class ContainerLaunch(rfm.RegressionTestPlugin):
    """What a stage needs to run in an image: same class, same arguments, same paths."""

    #: What the stage is launched by: a platform that the partition declares, in small letters, or
    #: none; empty for what the partition has for its default. After setup it is what is run.
    container = builtins.variable(str, value="")
    #: Run an image also where it is of another commit than the checkout.
    any_image_commit = builtins.variable(typ.Bool, value=False, loggable=False)

    #: The images that carry the workload beside its own, in the order in which they are taken.
    carried_by: tuple[str, ...] = ()

    # Also before setup: `-P` sets variables after every other hook of init.
    @builtins.run_before("setup")
    @builtins.run_after("init")
    def refuse_unknown_platform(self: Any) -> None:
        """Refuse what is no container platform at all."""
        if self.container not in ("", *CONTAINERS):
            raise ReframeError(f"container={self.container}: one of {CONTAINERS}")

    # When the partitions of the case are known.
    @builtins.run_after("init", always_last=True)
    def need_image(self: Any) -> None:
        """Wait for the image to be made, where the partition wants that."""
        require_supply(self)

    @builtins.run_after("setup")
    def choose_container(self: Any) -> None:
        """Find out by what the partition launches the stage, and in which image."""
        self.container = images.chosen(self.container, self.current_partition)
        if self.container != NATIVE:
            images.require_platform(self.current_partition, self.container)
            self.take_image(self.container)

    def take_image(self: Any, platform: str) -> None:
        """Find the image of the stage, which the records then name. ReframeError without one."""
        partition = self.current_partition
        image = images.require(partition, platform, self.image_names())
        self.image = image.place
        if not self.is_dry_run():
            images.require_present(image, partition, platform)
            self.image_digest = image_examination.examine(image, self.wanted_image())

    def image_names(self: Any) -> tuple[str, ...]:
        """The images that hold the workload, the first that a partition has before the others."""
        return (self.workload, *self.carried_by)

    def wanted_image(self: Any) -> image_rules.Wanted:
        """What the image of the stage should be."""
        return image_rules.Wanted(
            place=self.image,
            workload=self.image_names()[0],
            names=self.image_names(),
            commit=suite_commit(),
            any_commit=self.any_image_commit,
        )

    @builtins.run_before("run", always_last=True)
    def launch_in_image(self: Any) -> None:
        """Let ReFrame run the composed command inside."""
        if self.container == NATIVE:
            return

        self.container_platform = self.image_platform(self.container)
        # The words of the command are quoted already.
        command = " ".join([IMAGE_PYTHON, *self.executable_opts])
        self.container_platform.command = _started(command, self.stagedir, self.container)
        self.env_vars = self.image_variables(self.container)
        lines = [f"unset {' '.join(OF_THE_HOST)}", *self.image_conditions(self.container)]
        self.prerun_cmds = [*self.prerun_cmds, *lines]

    def image_platform(self: Any, platform: str) -> containers.ContainerPlatform:
        """A platform of ReFrame's, ready but for the command that it runs."""
        made = containers.ContainerPlatform.create(PLATFORMS[platform].name)
        made.image = PLATFORMS[platform].image(self.image)
        made.mount_points = [(path, path) for path in bind_mounts.bound_folders(self)]
        made.mount_stagedir = None
        made.workdir = shlex.quote(self.stagedir)
        made.pull_image = False
        made.options = container_options.options(self, platform)
        return made

    def image_variables(self: Any, platform: str) -> dict[str, str]:
        """The variables of the job, without those of the host's own Python."""
        kept = {name: value for name, value in self.env_vars.items() if name not in OF_THE_HOST}
        cache = {"TRIGPOINT_CACHE": shlex.quote(bind_mounts.cache_folder(self))}
        return {**kept, **cache, **container_options.gpu_options(self, platform).variables}

    def image_conditions(self: Any, platform: str) -> list[str]:
        """Lines of the job script that end it on a node that lacks something."""
        folders = bind_mounts.bound_folders(self)
        own_cache = bind_mounts.default_cache()
        return conditions(
            platform,
            self.image,
            folders,
            own_cache if own_cache in folders else "",
            self.current_partition.fullname,
        )

    def judge_image(self: Any, complaint: Complaint | None, evidence: Evidence) -> Complaint | None:
        """What is wrong with the stage, where it ran in an image: also what is with that."""
        if self.container == NATIVE:
            return complaint

        # The records have that of the code that ran, which is the image's.
        self.suite_commit = suite_commit()
        complaint = image_examination.judge(complaint, evidence, self.records, self.wanted_image())
        return complaint or image_examination.exchanged(self.image, self.image_digest)


def _started(command: str, folder: str, platform: str) -> str:
    """The command, in its folder by the one platform that takes no folder to start in."""
    if platform != "shifter":
        return command

    return f'/bin/sh -c \'cd "$0" && exec "$@"\' {shlex.quote(folder)} {command}'
