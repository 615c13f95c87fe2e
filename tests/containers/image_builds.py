"""Building images for real: a place for it, the engines' own storage there, and what is built."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bare_checkout import clean_environment, copy_checkout

NEEDED = (
    *("apptainer", "buildah", "debootstrap", "docker-registry", "skopeo"),
    *("setpriv", "unshare", "git"),
)
#: Stands for a host of a package index; pip asks it nothing.
PLANTED = "planted-index.invalid"


def require_engines() -> None:
    """Skip without root or the programs; fail where they are required."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if os.geteuid() == 0 and not missing:
        return
    why = f"it needs root and {', '.join(NEEDED)}; missing: {', '.join(missing) or 'root'}"
    if os.environ.get("TRIGPOINT_REQUIRE_CONTAINERS"):
        pytest.fail(why)
    pytest.skip(why)


@dataclass(frozen=True)
class Finished:
    """A command that ended: its exit code, what it printed, and where errors went."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """Its last word, where it ended with `error: ...`."""
        return self.err.strip().splitlines()[-1] if self.err.strip() else ""


@dataclass(frozen=True)
class Workplace:
    """A clone without changes, a Debian tree, and folders for images and for temporary files."""

    folder: Path
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("images", "tmp", "home", "storage"):
            (self.folder / name).mkdir()
        configuration = self.folder / "storage.conf"
        configuration.write_text(
            "[storage]\n"
            'driver = "overlay"\n'
            f'graphroot = "{self.folder}/storage/graph"\n'
            f'runroot = "{self.folder}/storage/run"\n'
        )
        kept = {
            name: value
            for name, value in clean_environment().items()
            if not name.startswith(("APPTAINER_", "SINGULARITY_", "CONTAINERS_"))
        }
        object.__setattr__(
            self,
            "environment",
            kept
            | {
                "CONTAINERS_STORAGE_CONF": str(configuration),
                "TMPDIR": str(self.folder / "tmp"),
                "PIP_TRUSTED_HOST": PLANTED,
            },
        )

    @property
    def checkout(self) -> Path:
        """The clone, in which commands run."""
        return self.folder / "checkout"

    @property
    def base(self) -> Path:
        """The Debian tree."""
        return self.folder / "debian"

    def variables(self, home: Path, system: str) -> dict[str, str]:
        """What a user has exported who runs the checks of the clone on a system."""
        return {
            **self.environment,
            "HOME": str(home),
            "TMPDIR": str(home),
            "RFM_SYSTEM": system,
            "RFM_CONFIG_PATH": str(self.checkout / "systems"),
            "TRIGPOINT_IMAGES": str(self.image("")),
        }

    def image(self, name: str) -> Path:
        """Where an image lies, or will."""
        return self.folder / "images" / name

    def clone(self) -> None:
        """Lay the clone: the files of the checkout as they are now, and a commit of them."""
        copy_checkout(self.checkout)
        self.git("init", "--quiet")
        self.commit("as it is")

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
        command = ["git", *identity, "-c", "commit.gpgsign=false", *arguments]
        return subprocess.run(
            command, cwd=self.checkout, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; the new commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def bootstrap(self) -> None:
        """Make the Debian tree from the mirror that this machine uses."""
        suite = "bookworm"
        include = "--include=python3,python3-pip,ca-certificates"
        command = ["debootstrap", "--variant=minbase", include, suite, str(self.base)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        # Its device nodes cannot be unpacked by everyone.
        shutil.rmtree(self.base / "dev")
        (self.base / "dev").mkdir()

    def containers(self, *arguments: object, **variables: str) -> Finished:
        """Run `python -m containers ...` in the clone."""
        return self.run(sys.executable, "-m", "containers", *arguments, **variables)

    def run(self, *command: object, **variables: str) -> Finished:
        """Run a command in the clone."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.checkout,
            env=self.environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def build(self, name: str, output: str, *options: object) -> Path:
        """Build an image on the Debian tree."""
        path = self.image(output)
        words = ("build", name, "--base", self.base, "--output", path, *options)
        finished = self.containers(*words)
        assert finished.code == 0, finished.out + finished.err
        return path

    def unpack(self, image: Path, name: str) -> Path:
        """The files of a SIF, in a folder. Apptainer itself cannot own them all here."""
        parts = self.run("apptainer", "sif", "list", image).out
        [offset] = re.findall(r"\|(\d+)-\d+ *\|FS ", parts)
        folder = self.folder / name
        done = self.run("unsquashfs", "-quiet", "-no-progress", "-o", offset, "-d", folder, image)
        assert done.code == 0, done.err
        return folder

    def manifest(self, output: str) -> dict[str, Any]:
        """The manifest beside an image."""
        return json.loads(self.image(f"{output}.manifest.json").read_text())

    def mounts(self) -> list[str]:
        """What is mounted below here."""
        lines = Path("/proc/self/mounts").read_text().splitlines()
        return [line.split()[1] for line in lines if line.split()[1].startswith(str(self.folder))]

    def clear(self) -> None:
        """Unmount buildah's storage, so that its folder can be deleted like any other."""
        for place in reversed(self.mounts()):
            subprocess.run(["umount", place], check=True)
