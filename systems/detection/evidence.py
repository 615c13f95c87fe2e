"""What the answer of a node means for its partition: devices, scratch, interconnect."""

import ipaddress
import re
from collections import Counter
from dataclasses import dataclass

from systems.probing.answer import Answer, Interface, Place
from systems.probing.place_judgement import IN_MEMORY, room

# In this order; what a scheduler names as its own comes before them.
USUAL_SCRATCH = ("/local_scratch", "/scratch", "/tmp")
TMPDIR = "$TMPDIR"
SHARED = (
    "nfs",
    "nfs4",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "cifs",
    "panfs",
    "wekafs",
    "fuse.sshfs",
)
# Slurm's names for a node and a job in TmpFS, which no configuration of ReFrame can follow.
_PER_NODE = re.compile(r"%[a-zA-Z]")


@dataclass(frozen=True)
class Model:
    """The GPUs of a node: how many, what they are called, their MIG profile if they are cut, and
    their architecture if they are AMD's."""

    count: int
    name: str
    mig_profile: str
    arch: str


def model(answer: Answer) -> Model | None:
    """The GPUs that most are like; None where the node shows none."""
    if answer.gpus is None or not answer.gpus.found:
        return None

    kinds = Counter(
        (short_name(each.name), each.mig_profile, each.arch) for each in answer.gpus.found
    )
    kind, count = kinds.most_common(1)[0]
    return Model(count, *kind)


def short_name(name: str) -> str:
    """A GPU's name without its maker: `NVIDIA A100-SXM4-80GB` is `A100-SXM4-80GB`."""
    return re.sub(r"^(?:(?:NVIDIA|AMD|Tesla|Instinct|GeForce)\s+)+(?=\S)", "", name.strip())


def scratch_candidates(temporary_folder: str) -> list[str]:
    """The folders to look at for scratch."""
    named = [] if _PER_NODE.search(temporary_folder) else [temporary_folder]
    every = [*USUAL_SCRATCH[:2], *named, *USUAL_SCRATCH[2:], TMPDIR]
    return list(dict.fromkeys(filter(None, every)))


def scratch(answer: Answer, temporary_folder: str) -> tuple[str, list[str]]:
    """The folder that staging may use, or an empty text, and comments about what was seen: local
    to the node and on a disk, else local and in memory."""
    places = answer.places or {}
    local: list[tuple[bool, str]] = []
    comments = []
    for path in scratch_candidates(temporary_folder):
        seen = places.get(path)
        if seen is None or not seen.exists:
            continue

        comments.append(f"{path}: {described(seen)}")
        if path != TMPDIR and seen.writable and seen.file_system not in SHARED:
            local.append((seen.file_system in IN_MEMORY, path))

    chosen = min(local, key=lambda each: each[0])[1] if local else ""
    return chosen, comments


def described(seen: Place) -> str:
    """Whether a folder can be written, how much is free there, and on what."""
    if not seen.writable:
        return f"cannot be written ({seen.error or 'no permission'}), {room(seen)}"

    return f"{room(seen)}, in memory" if seen.file_system in IN_MEMORY else room(seen)


def interconnect(answer: Answer, address: str) -> dict[str, str] | None:
    """The fabric: an active InfiniBand port, else the interface that the scheduler reaches the
    node by; None where neither can be told."""
    by_name = {each.name: each for each in answer.interfaces or []}
    active = [port for port in answer.infiniband or [] if port.state == "ACTIVE"]
    if not active:
        return _by_address(list(by_name.values()), address or answer.address or "")

    # An adapter may have an Ethernet port beside the fabric's.
    port = max(active, key=lambda each: (each.layer == "InfiniBand", _leading_number(each.rate)))
    usable = [name for name in port.interfaces if name in by_name and by_name[name].ipv4]
    name = f"{port.layer} {port.rate}".strip()
    return {"name": name, **({"interface": usable[0]} if usable else {})}


def other_interfaces(answer: Answer, chosen: str) -> list[str]:
    """The interfaces with an address that are not the chosen one, nor the loopback."""
    return [
        f"{each.name} ({_interface_name(each)})"
        for each in answer.interfaces or []
        if each.ipv4 and each.name not in (chosen, "lo")
    ]


def _leading_number(text: str) -> float:
    found = re.match(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else 0.0


def _by_address(interfaces: list[Interface], address: str) -> dict[str, str] | None:
    for each in interfaces:
        if not each.ipv4:
            continue

        if each.ipv4 == address:
            return {"name": _interface_name(each), "interface": each.name}

    return None


def _interface_name(interface: Interface) -> str:
    if ipaddress.ip_address(interface.ipv4).is_loopback:
        return "loopback"

    speed = interface.speed_mbit / 1000
    return f"Ethernet {speed:g} Gb/s" if speed else "Ethernet"
