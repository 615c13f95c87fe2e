"""What this user may do: building an image means being root in some sense."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from containers.errors import UnusableInput

# A user who is root in a namespace of their own, with further users to give files to.
MAPPED = ("unshare", "--map-root-user", "--map-auto")
# The same with no further users: enough where an engine fakes ownership.
ALONE = ("unshare", "--map-root-user")
_EXPLAINED = (
    "it needs one of: root; user namespaces (sysctl user.max_user_namespaces above 0, and "
    "kernel.apparmor_restrict_unprivileged_userns or kernel.unprivileged_userns_clone not in the "
    "way); or an image that is built elsewhere and copied here"
)


@dataclass(frozen=True)
class Privileges:
    """How a build is started: what stands before its command, and what it is."""

    prefix: tuple[str, ...]
    description: str


def works(command: Sequence[str]) -> bool:
    """Whether a namespace can be entered: the command runs `true` there."""
    try:
        done = subprocess.run([*command, "true"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def maps_users() -> bool:
    """Whether `unshare` has --map-auto, as since util-linux 2.38; Apptainer maps without it."""
    try:
        done = subprocess.run(["unshare", "--help"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return "--map-auto" in done.stdout


def privileges(
    fakeroot: bool,
    user: int | None = None,
    full: bool | None = None,
    enter: Callable[[Sequence[str]], bool] = works,
    maps: bool | None = None,
) -> Privileges:
    """What a build with Apptainer needs before its command here.

    Args:
        fakeroot: ask for a user mapping of /etc/subuid, and nothing less.
        user: its number (default: who runs this).
        full: whether root has all capabilities (default: whether the process has).
        enter: tells whether a command can enter its namespace.
        maps: whether `unshare` here maps users by /etc/subuid (default: whether it says so).

    Raises:
        UnusableInput: nothing that would do is to be had.
    """
    user = os.geteuid() if user is None else user
    if user == 0:
        full = has_all_capabilities() if full is None else full
        if full:
            return Privileges((), "root")
        if enter(MAPPED):
            return Privileges(MAPPED, "root without full capabilities, in a user namespace")
        raise UnusableInput(
            "root here lacks capabilities, as in a container, and cannot make a user namespace "
            f"instead: {_EXPLAINED}, and lines for root in /etc/subuid and /etc/subgid"
        )
    if fakeroot:
        maps = maps_users() if maps is None else maps
        mapped = enter(MAPPED) if maps else enter(ALONE) and shutil.which("newuidmap") is not None
        if mapped:
            return Privileges((), "fakeroot")
        raise UnusableInput(
            "--fakeroot cannot map users here: it needs newuidmap (package uidmap), user "
            "namespaces, and lines for this user in /etc/subuid and /etc/subgid"
        )
    if enter(ALONE):
        return Privileges((), "user namespace")
    raise UnusableInput(f"an ordinary user without user namespaces cannot build here: {_EXPLAINED}")


def has_all_capabilities(
    status: Path = Path("/proc/self/status"), last: Path = Path("/proc/sys/kernel/cap_last_cap")
) -> bool:
    """Whether the process has every capability that the kernel knows."""
    try:
        every = (1 << (int(last.read_text()) + 1)) - 1
        lines = status.read_text().splitlines()
    except OSError:
        return False
    effective = next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))
    return effective == every
