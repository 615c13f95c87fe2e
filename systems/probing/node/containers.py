"""The container runtimes of the node, by starting them: one on PATH may still be of no use."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from .asking import read, run

# What each is asked for its version. Docker's and Podman's clients alone start nothing: the daemon,
# or the storage in a user namespace, must answer too.
RUNTIMES = {
    "apptainer": ["--version"],
    "singularity": ["--version"],
    "sarus": ["--version"],
    "shifter": ["--version"],
    "enroot": ["version"],
    "podman": ["info", "--format", "{{.Version.Version}}"],
    "docker": ["version", "--format", "{{.Server.Version}}"],
}
PYXIS = "pyxis"
FAKEROOT = "--fakeroot"
FAKING = {"apptainer", "singularity"}
# How those that can start a folder as a container: the folder follows, and a command in it.
STARTS = {
    "apptainer": "exec --contain --cleanenv --no-home --bind /usr:/usr:ro",
    "singularity": "exec --contain --cleanenv --no-home --bind /usr:/usr:ro",
    "podman": "run --rm --network none --volume /usr:/usr:ro --rootfs",
}
LINKS_INTO_USR = ("bin", "sbin", "lib", "lib64")
MOUNT_POINTS = ("usr", "dev", "proc", "sys", "tmp", "var/tmp", "etc", "root", "run")
# Files of the kernel's by which an administrator forbids user namespaces, and what they then hold.
FORBIDDING = {
    "user/max_user_namespaces": "0",
    "kernel/unprivileged_userns_clone": "0",
    "kernel/apparmor_restrict_unprivileged_userns": "1",
}
# What mounts an image file without privileges.
FUSE = ("squashfuse_ll", "squashfuse")
SECONDS = 20


def runtimes() -> list[dict[str, str]]:
    """The runtimes on PATH, each with its version, and with its complaint where it gives none;
    Pyxis is one where `srun` has its options."""
    found = [_runtime(name) for name in RUNTIMES if shutil.which(name)]
    if shutil.which("srun") and "--container-image" in run(["srun", "--help"], SECONDS)[1]:
        found.append({"command": PYXIS, "version": "", "error": ""})

    return found


def _runtime(name: str) -> dict[str, str]:
    code, text, complaint = run([name, *RUNTIMES[name]], SECONDS)
    version = re.search(r"\d+(?:\.\d+)+\S*", text)
    error = "" if code == 0 else complaint or f"exit code {code}"
    return {"command": name, "version": version.group() if version else "", "error": error}


def starts() -> dict[str, str]:
    """Why no container starts, by command; an empty text where one does. The container is a folder
    without a file, with the node's own /usr."""
    commands = {name: [name, *STARTS[name].split()] for name in STARTS if shutil.which(name)}
    for name in FAKING & set(commands):
        commands[f"{name} {FAKEROOT}"] = [*commands[name], FAKEROOT]

    with tempfile.TemporaryDirectory(prefix="trigpoint-") as folder:
        _make_sandbox(folder)
        return {name: _complaint([*command, folder]) for name, command in commands.items()}


def _make_sandbox(folder: str) -> None:
    for name in MOUNT_POINTS:
        Path(folder, name).mkdir(parents=True)
    for name in LINKS_INTO_USR:
        Path(folder, name).symlink_to(f"usr/{name}")


def _complaint(command: list[str]) -> str:
    code, _, error = run([*command, "/usr/bin/true"], SECONDS, cwd="/")
    return "" if code == 0 else error or f"exit code {code}"


def user_namespaces() -> dict[str, Any]:
    """Whether this user may make one, and why not, with the kernel's settings that forbid it."""
    code, _, error = run(["unshare", "--user", "--map-root-user", "true"], SECONDS)
    if code == 0:
        return {"work": True, "error": ""}

    forbidden = [
        f"{name.replace('/', '.')} is {value}"
        for name, value in FORBIDDING.items()
        if read(f"/proc/sys/{name}") == value
    ]
    return {"work": False, "error": "; ".join([error or f"exit code {code}", *forbidden])}


def subordinate_ids() -> dict[str, Any]:
    """How many further users and groups this one may map, and whether the program is there that
    maps them."""
    return {
        "users": _count("getsubids", "/etc/subuid"),
        "groups": _count("getsubids -g", "/etc/subgid"),
        "newuidmap": bool(shutil.which("newuidmap")),
    }


def _count(command: str, file: str) -> int:
    """By the name service, which may not be a file; else by the file."""
    names = {str(os.getuid())}
    # A user may have no name, as in a container.
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(os.getuid()).pw_name)

    for name in sorted(names):
        code, text, _ = run([*command.split(), name], SECONDS)
        if code == 0:
            return sum(int(line.split()[-1]) for line in text.splitlines())

    ranges = [line.split(":") for line in read(file).splitlines()]
    return sum(int(each[2]) for each in ranges if len(each) == 3 and each[0] in names)


def unpacking_folder() -> str:
    """Where a runtime unpacks an image that it cannot mount."""
    named = map(os.environ.get, ("APPTAINER_TMPDIR", "SINGULARITY_TMPDIR", "TMPDIR"))
    return next(filter(None, named), "/tmp")


def mounting() -> str:
    """Who mounts an image file here; an empty text where nobody can, and it is unpacked."""
    programs = [path for name in FAKING for path in _own_programs(name)]
    setuid = any(each.name == "starter-suid" and each.stat().st_mode & 0o4000 for each in programs)
    if setuid or os.geteuid() == 0:
        return "the kernel"

    mounter = any(map(shutil.which, FUSE)) or any(each.name in FUSE for each in programs)
    return "FUSE" if mounter and os.access("/dev/fuse", os.R_OK | os.W_OK) else ""


def _own_programs(runtime: str) -> list[Path]:
    """The programs that Apptainer or Singularity keeps to itself."""
    _, text, _ = run([runtime, "buildcfg"], SECONDS)
    folder = re.search(r"^LIBEXECDIR=(.+)$", text, re.MULTILINE)
    return list(Path(folder.group(1), runtime, "bin").glob("*")) if folder else []
