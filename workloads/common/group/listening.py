"""Where a process of a group listens: its own address and port, and nobody else's."""

import errno
import ipaddress
import socket

from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import ProcessGroup


def split_address(address: str) -> tuple[str, int]:
    """Host and port of HOST:PORT."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def reserve(group: ProcessGroup) -> socket.socket:
    """Listen at this process's own address and port, so that no other job takes the port.

    Raises UnusableInput where the port is taken, or the address is not of this machine.
    """
    host, port = split_address(group.addresses[group.rank])
    try:
        # TensorFlow will listen on every address of the machine.
        with socket.socket() as everywhere:
            everywhere.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            everywhere.bind(("", port))
        return socket.create_server((_own_address(group, host), port), backlog=group.processes)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UnusableInput(
                f"port {port} on {host} is taken by another program: start the job again, which "
                "draws another port, or choose another in TF_CONFIG"
            ) from None
        if error.errno == errno.EADDRNOTAVAIL:
            raise UnusableInput(
                f"{host} is not an address of this machine, {socket.gethostname()}: check the "
                "launcher's list of nodes, and that names resolve alike on all nodes"
            ) from None
        raise UnusableInput(f"cannot listen on port {port} of {host}: {error}") from None


def _own_address(group: ProcessGroup, host: str) -> str:
    """Where to listen: at the own address, unless that is one that other nodes cannot reach.

    Some distributions resolve a machine's own name to a loopback address.
    """
    own = resolve(host)
    if not ipaddress.ip_address(own).is_loopback:
        return own
    others = {split_address(address)[0] for address in group.addresses} - {host}
    return own if all(_is_loopback(other) for other in others) else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(resolve(host)).is_loopback
    except UnusableInput:
        return False


def resolve(host: str) -> str:
    """The IPv4 address of a host; UnusableInput where there is none."""
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise UnusableInput(
            f"the name {host} does not resolve to an IPv4 address on {socket.gethostname()} "
            f"({error}): check the launcher's list of nodes, and the name service"
        ) from None
    return str(found[0][4][0])
