"""Running commands in an image, cut off from the home, the folder and the variables at hand."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containers.engines.apptainer import Apptainer
from containers.engines.engine import APPTAINER, SIF, find
from containers.engines.privileges import privileges
from containers.errors import BuildFailed, UnusableInput
from containers.recipes import places
from containers.streaming import Progress

PROBE = Path(__file__).with_name("probe.py")
NOBODY = 65534
_ISOLATED = ("--contain", "--cleanenv", "--no-home", "--pwd", "/tmp")  # noqa: S108 - the image's own
_TIME_LIMIT_SECONDS = 600
_NO_IMAGE = "no image: a SIF, a sandbox or an OCI archive"
# By the maker of the GPUs: a device that is there where they are, and what lets an image use them.
# Under WSL2 there is but the first.
_GPU_OPTIONS = {
    "nvidia": (("/dev/dxg", ("--nv", "--nvccli")), ("/dev/nvidiactl", ("--nv",))),
    "amd": (("/dev/kfd", ("--rocm",)),),
}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Image:
    """An image that Apptainer runs as it is: a SIF or a sandbox."""

    path: Path

    def run(
        self,
        arguments: Sequence[str],
        *,
        prefix: Sequence[str] = (),
        options: Sequence[str] = (),
        text: str = "",
        **variables: str,
    ) -> "subprocess.CompletedProcess[str]":
        """`apptainer exec`, or `run` where no program is named first.

        Raises:
            BuildFailed: it does not come to an end.
        """
        action = "exec" if arguments and not arguments[0].startswith("-") else "run"
        command = [*prefix, APPTAINER, action, *_ISOLATED, *options, str(self.path), *arguments]
        try:
            return subprocess.run(
                command,
                input=text,
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIME_LIMIT_SECONDS,
                env=os.environ | variables,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise BuildFailed(
                f"{' '.join(command[:3])} ... did not end in {_TIME_LIMIT_SECONDS} s"
            ) from None

    def probe(self, **how: Any) -> dict[str, Any]:
        """What probe.py finds in it.

        Raises:
            BuildFailed: it does not start, or has no Python of the suite.
        """
        done = self.run([places.PYTHON, "-"], text=PROBE.read_text(), **how)
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise BuildFailed(last_words(done)) from None


def gpu_options(gpus: str) -> tuple[str, ...]:
    """What lets an image use the GPUs of this machine; nothing where it has none of that maker."""
    known = _GPU_OPTIONS.get(gpus, ())
    return next((options for device, options in known if Path(device).exists()), ())


def last_words(done: "subprocess.CompletedProcess[str]") -> str:
    """Why a command failed, in one line."""
    plain = _COLOURS.sub("", done.stderr)
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    # What Apptainer says at its end, or what Python does.
    said = [line for line in lines if "WARNING" not in line and not line.startswith("INFO")]
    return said[-1] if said else f"exit code {done.returncode}"


@contextlib.contextmanager
def runnable(path: Path) -> Iterator[Image]:
    """The image at `path`; of an OCI archive, a SIF for this time.

    Raises:
        UnusableInput: it is no image, or Apptainer is not here.
    """
    if not path.exists():
        raise UnusableInput(f"{path} does not exist: python -m containers build makes images")
    if path.is_dir() and not (path / "usr").is_dir():
        raise UnusableInput(f"{path} is {_NO_IMAGE}")
    if find(APPTAINER) is None:
        raise UnusableInput("apptainer is not installed: images are run by it here")
    with tempfile.TemporaryDirectory(prefix="trigpoint-verify-") as folder:
        scratch = Path(folder)
        if path.is_dir() or not _is_archive(path):
            yield Image(path.resolve())
            return
        converted = scratch / "image.sif"
        silent = Progress(print=lambda _: None)
        apptainer = Apptainer(privileges(False), False, scratch, silent, scratch / "log")
        try:
            apptainer.from_archive(path.resolve(), converted, SIF)
        except BuildFailed:
            # The log goes with the folder; its last lines have been printed.
            raise BuildFailed(f"{path}: Apptainer makes no SIF of it, and says why above") from None
        yield Image(converted)


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(512)
    if b"SIF_MAGIC" in start:
        return False
    if start[257:262] == b"ustar":
        return True
    raise UnusableInput(f"{path} is {_NO_IMAGE}")


@contextlib.contextmanager
def for_an_ordinary_user(image: Image) -> Iterator[tuple[Image, tuple[str, ...], Path]]:
    """The image where an ordinary user reads it, what runs a command as one, and their home."""
    if os.geteuid() != 0:
        yield image, (), Path.home()
        return
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    with tempfile.TemporaryDirectory(prefix="trigpoint-nobody-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        home = place / "home"
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        readable = subprocess.run([*as_nobody, "test", "-r", str(image.path)], check=False)
        if readable.returncode and image.path.is_file():
            shutil.copyfile(image.path, place / "image.sif")
            (place / "image.sif").chmod(0o644)
            image = Image(place / "image.sif")
        yield image, as_nobody, home
