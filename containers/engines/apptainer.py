"""Apptainer: images from definitions, and from what other engines made."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from containers.engines.engine import SANDBOX
from containers.engines.privileges import Privileges
from containers.package_index import HandedIn
from containers.recipes import places
from containers.streaming import Progress, stream

# Unpacked many times, packed once: half the time of gzip at about its size.
_SQUASHFS = "-comp zstd -Xcompression-level 3"


@dataclass(frozen=True)
class Apptainer:
    """Builds in a folder of its own, so that nothing is left elsewhere."""

    privileges: Privileges
    fakeroot: bool
    scratch: Path
    progress: Progress
    log: Path

    def from_definition(
        self, definition: Path, output: Path, image_format: str, handed_in: HandedIn
    ) -> None:
        """Build `output`, with the machine's pip configuration bound for that time.

        Raises:
            BuildFailed: Apptainer failed.
        """
        bind = ("--bind", f"{handed_in.folder}:{places.HANDED_IN}:ro")
        self._build(output, image_format, str(definition), definition.parent, bind)

    def from_archive(self, archive: Path, output: Path, image_format: str) -> None:
        """Make `output` of an OCI archive.

        Raises:
            BuildFailed: Apptainer failed.
        """
        self._build(output, image_format, f"oci-archive:{archive}", archive.parent, ())

    def _build(
        self, output: Path, image_format: str, source: str, cwd: Path, options: Sequence[str]
    ) -> None:
        command = [*self.privileges.prefix, "apptainer", "build", "--force"]
        if self.fakeroot and os.geteuid() != 0:
            command.append("--fakeroot")
        if image_format == SANDBOX:
            command.append("--sandbox")
        command += [*options, str(output), source]
        temporary = self.scratch / "apptainer"
        temporary.mkdir(exist_ok=True)
        # Before 1.4 nothing reads it: those compress as they always did, by gzip.
        usual = {"APPTAINER_MKSQUASHFS_ARGS": _SQUASHFS}
        own = {
            "APPTAINER_TMPDIR": str(temporary),
            # A cache would keep what was built, beside the image itself.
            "APPTAINER_DISABLE_CACHE": "1",
        }
        environment = usual | os.environ | own
        stream(command, self.progress, self.log, cwd, environment)
