"""Makes images before the checks that run in them, where a partition's `missing_images` allows."""

import shlex
import sys
from pathlib import Path
from typing import Any

import reframe as rfm
import reframe.core.builtins as builtins
from reframe.core.exceptions import SanityError
from reframe.core.runtime import emit_loadenv_commands, runtime

from checks.base import image_fetching, images
from checks.base.bind_mounts import ROOT
from checks.base.container_platforms import PLATFORMS
from checks.base.evidence import Evidence
from checks.base.fixtures import require
from checks.base.images import Image
from checks.base.provenance import Provenance
from checks.base.sanity import INPUT, RUN, UNUSABLE_INPUT, cause, one_line
from checks.base.site_containers import BUILD

#: What makes a file of an image in a registry, where that is not the platform's own `pull`.
_FETCH = {
    # `pull` packs by gzip at its best, in four times the processor time.
    "apptainer": ("apptainer", "build"),
    "pyxis": ("enroot", "import", "--output"),
}


class ImageSupply(Provenance, rfm.RunOnlyRegressionTest):
    """An image, made on the machine that runs ReFrame unless it is there: once a session."""

    #: The command line that makes it.
    command = builtins.variable(str)
    #: The container platform it is for, by ReFrame's name.
    platform = builtins.variable(str)
    #: Its path; empty where a platform keeps its images itself.
    path = builtins.variable(str, value="")

    descr = "an image for the checks"
    valid_prog_environs = ["*"]
    sourcesdir = None
    local = True
    time_limit = f"{image_fetching.SECONDS_LIMIT}s"

    @builtins.run_after("init")
    def prepare_command(self) -> None:
        """Let the job run the command alone, and tell how it ended."""
        self.executable = self.command
        self.env_vars = {"PYTHONPATH": shlex.quote(str(ROOT))}

    @builtins.run_before("run")
    def load_platform(self) -> None:
        """Find the platform's programs where the partition says, as the jobs do."""
        environment = self.current_partition.container_environs[self.platform]
        self.prerun_cmds = emit_loadenv_commands(environment)

    @builtins.sanity_function
    def judge(self) -> bool:
        """SanityError where there is no image then, with the last word of what should make it."""
        if self.job.exitcode == 0 and (not self.path or Path(self.path).exists()):
            return True

        stderr = Path(self.stagedir, self.job.stderr).read_text(errors="replace")
        why = cause(Evidence(self.job.exitcode, "", stderr), None) or "nothing says why"
        self.failure_class = INPUT if self.job.exitcode == UNUSABLE_INPUT else RUN
        raise SanityError(f"{self.failure_class}: `{self.command}` made no image: {one_line(why)}")


def require_supply(test: Any) -> None:
    """Makes a test wait for its image on every partition that wants missing ones made. Call it
    when all else of init is done."""
    for partition in runtime().system.partitions:
        if partition.fullname in test.valid_systems:
            made = _supply(test, partition)
            if made is not None:
                require(test, ImageSupply, [partition.fullname], **made)


def _supply(test: Any, partition: Any) -> dict[str, str] | None:
    """What makes the image of a test on a partition; None where nothing is to."""
    asked = partition.extras.get("missing_images")
    platform = images.chosen(test.container, partition)
    image = images.find(partition, test.image_names())
    if not asked or platform not in images.declared(partition) or image is None:
        return None

    name = PLATFORMS[platform].name
    if asked == BUILD:
        if not PLATFORMS[platform].runs_sif:
            return None

        command = [sys.executable, *image.build_command(partition)]
        return {"command": shlex.join(command), "platform": name, "path": image.place}

    command = _pull(image, platform, partition.extras.get("image_sources", {}))
    path = {"path": image.place} if image.is_file else {}
    return {"command": shlex.join(command), "platform": name, **path} if command else None


def _pull(image: Image, platform: str, sources: dict[str, str]) -> list[str]:
    """A command that fetches an image; empty where every job fetches it itself."""
    program = PLATFORMS[platform].program
    if not image.is_file:
        # Without files a platform has a store of its own.
        return [] if PLATFORMS[platform].runs_files else [program, "pull", image.place]

    address = PLATFORMS[platform].address(sources[image.name])
    source = address if PLATFORMS[platform].runs_sif else f"docker://{address}"
    fetch = [*_FETCH.get(platform, (program, "pull")), image_fetching.FILE, source]
    return [sys.executable, "-m", image_fetching.__name__, image.place, *fetch]
