"""buildah, podman and docker: OCI archives from Dockerfiles."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from containers.bases import Base, Kind
from containers.engines.engine import Engine
from containers.errors import BuildFailed
from containers.package_index import HandedIn
from containers.recipes.operating_system import imported_name
from containers.streaming import Progress, stream


@dataclass(frozen=True)
class DockerfileEngine:
    """One of the three, which take nearly the same words.

    The layers stay in the engine's own storage, so that the next build repeats what changed only.
    """

    engine: Engine
    scratch: Path
    progress: Progress
    log: Path

    def import_base(self, base: Base) -> None:
        """Give a base that lies here the name that recipes call it, unless it has it already.

        Raises:
            BuildFailed: it cannot be imported.
        """
        if base.kind is Kind.REGISTRY or self._has(imported_name(base)):
            return
        self.progress.say(f"importing {base.label}")
        source = base.reference
        if base.kind is Kind.FOLDER:
            source = str(self.scratch / "base.tar")
            # Device nodes cannot be unpacked by everyone; a container gets its own.
            tar = ["tar", "-C", base.reference, "--exclude=./dev/*", "-cf", source, "."]
            self._run(tar, self.scratch)
        if base.kind is Kind.ARCHIVE:
            self._load(source, imported_name(base))
        else:
            folder = self.scratch / "base"
            folder.mkdir()
            (folder / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
            Path(source).rename(folder / "base.tar")
            self._run(self._build_command(imported_name(base), folder, ()), folder)

    def to_archive(self, context: Path, reference: str, output: Path, handed_in: HandedIn) -> None:
        """Build the Dockerfile in `context` and write its image to `output`, an OCI archive.

        In the engine's own storage it is called `reference`.

        Raises:
            BuildFailed: the engine failed.
        """
        secrets = [
            word
            for file in handed_in.files()
            for word in ("--secret", f"id={file.name},src={file}")
        ]
        if self.engine.name == "docker":
            destination = ["--output", f"type=oci,dest={output}"]
            self._run(self._build_command(reference, context, [*secrets, *destination]), context)
            return
        self._run(self._build_command(reference, context, secrets), context)
        self.progress.say("writing the OCI archive")
        save = {
            "buildah": ["buildah", "push", "--quiet", reference, f"oci-archive:{output}"],
            "podman": ["podman", "save", "--quiet", "--format=oci-archive", "-o", str(output)],
        }[self.engine.name]
        self._run([*save, *([reference] if self.engine.name == "podman" else [])], context)

    def _build_command(self, name: str, folder: Path, options: Sequence[str]) -> list[str]:
        words = {
            # Neither needs a daemon nor privileges beyond a user namespace.
            "buildah": ["buildah", "bud", "--isolation", "chroot", "--layers"],
            "podman": ["podman", "build", "--isolation", "chroot", "--layers"],
            "docker": ["docker", "buildx", "build"],
        }[self.engine.name]
        if self.engine.name != "docker":
            words += ["--format", "oci"]
        return [*words, *options, "-t", name, "-f", str(folder / "Dockerfile"), str(folder)]

    def _has(self, name: str) -> bool:
        question = {
            "buildah": ["buildah", "inspect", "--type", "image", name],
            "podman": ["podman", "image", "exists", name],
            "docker": ["docker", "image", "inspect", name],
        }[self.engine.name]
        return subprocess.run(question, capture_output=True, check=False).returncode == 0

    def _load(self, archive: str, name: str) -> None:
        if self.engine.name == "docker":
            raise BuildFailed("docker reads no OCI archive as a base: push it to a registry")
        pulled = subprocess.run(
            [self.engine.name, "pull", "--quiet", f"oci-archive:{archive}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if pulled.returncode:
            raise BuildFailed(f"{archive} cannot be imported: {pulled.stderr.strip()[-300:]}")
        self._run([self.engine.name, "tag", pulled.stdout.split()[-1], name], self.scratch)

    def _run(self, command: Sequence[str], cwd: Path) -> None:
        environment = os.environ | {"TMPDIR": str(self.scratch), "DOCKER_BUILDKIT": "1"}
        stream(command, self.progress, self.log, cwd, environment)
