"""The container platforms by which checks start images, and where they differ.

ReFrame knows Docker, Sarus, Shifter, Singularity and Apptainer. Podman, and Pyxis, which lets Slurm
start Enroot's containers, are made known to it here."""

import re
import shlex
from dataclasses import dataclass

import reframe.core.containers as containers

#: What a case is launched by where it is not in an image.
NATIVE = "none"


class Podman(containers.Docker):
    """Podman, whose command line is Docker's."""

    def launch_command(self, stagedir: str) -> str:
        """As for Docker, by another program."""
        command: str = super().launch_command(stagedir)
        return f"podman{command.removeprefix('docker')}"


class Pyxis(containers.ContainerPlatform):
    """Enroot's containers through options of `srun`, which Slurm's plugin Pyxis adds."""

    def emit_prepare_commands(self, stagedir: str) -> list[str]:  # noqa: ARG002 - ReFrame's own
        """Nothing: every job imports its image."""
        return []

    def launch_command(self, stagedir: str) -> str:  # noqa: ARG002 - ReFrame's own
        """What stands behind `srun` and its other options."""
        mounts = ",".join(f"{outside}:{inside}" for outside, inside in self.mount_points)
        words = [f"--container-image={self.image}", f'--container-mounts="{mounts}"']
        words += [f"--container-workdir={self.workdir}", *self.options]
        return " ".join([*words, *([self.command] if self.command else [])])


@dataclass(frozen=True)
class Platform:
    """How a platform of ReFrame's is used: its `name` there, and the `program` that a node must
    have. `runs_files` where an image may be a file or a folder, `passes_variables` where the
    variables of the job are there inside without being named."""

    name: str
    program: str
    runs_files: bool
    passes_variables: bool

    @property
    def runs_sif(self) -> bool:
        """Whether it runs what `python -m containers build` makes unless told otherwise."""
        return self.name in ("Apptainer", "Singularity")

    @property
    def presence(self) -> str:
        """A shell command that succeeds on a node that has it."""
        if self.name == "Pyxis":
            return "srun --help 2>&1 | grep -q -e --container-image"

        return f"command -v {self.program} >/dev/null"

    def address(self, reference: str) -> str:
        """A reference of a registry in this platform's own words."""
        # Not all take a tag beside a digest, by which the image is the same anyway.
        by_digest = re.sub(":[^:/@]+@", "@", reference)
        if self.runs_sif:
            return f"docker://{by_digest}"

        if self.name != "Pyxis":
            return reference

        registry, _, rest = by_digest.partition("/")
        has_registry = rest and ("." in registry or ":" in registry or registry == "localhost")
        address = f"{registry}#{rest}" if has_registry else by_digest
        # Enroot 3 takes what stands before @ for a user; as a tag every Enroot takes a digest.
        return address.replace("@", ":")

    def image(self, place: str) -> str:
        """An image, a path or a reference, as one word for a shell."""
        return shlex.quote(place if place.startswith("/") else self.address(place))


#: By the names that `-S container=...` and the records have for them.
PLATFORMS = {
    each.name.lower(): each
    for each in (
        Platform("Apptainer", "apptainer", runs_files=True, passes_variables=True),
        Platform("Singularity", "singularity", runs_files=True, passes_variables=True),
        Platform("Docker", "docker", runs_files=False, passes_variables=False),
        Platform("Podman", "podman", runs_files=False, passes_variables=False),
        Platform("Sarus", "sarus", runs_files=False, passes_variables=True),
        Platform("Shifter", "shifter", runs_files=False, passes_variables=True),
        Platform("Pyxis", "srun", runs_files=True, passes_variables=True),
    )
}
#: All that `container` may be.
CONTAINERS = (NATIVE, *PLATFORMS)


def install() -> None:
    """Makes ReFrame know Podman and Pyxis; a second call changes nothing."""
    # It looks for the class of a platform by its name in this module.
    for each in (Podman, Pyxis):
        setattr(containers, each.__name__, each)
