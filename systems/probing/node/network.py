"""The networks of the node, by the kernel's own files."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import Any

from .asking import read

SIOCGIFADDR = 0x8915


def ipv4_addresses() -> dict[str, str]:
    """The IPv4 address of each interface that has one."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                reply = fcntl.ioctl(asking.fileno(), SIOCGIFADDR, request)
                found[name] = socket.inet_ntoa(array.array("B", reply)[20:24].tobytes())
            except OSError:
                # It has no IPv4 address.
                continue

    return found


def interfaces() -> list[dict[str, Any]]:
    """The network interfaces, with the speed that each claims, in Mbit/s (0: not said)."""
    addresses = ipv4_addresses()
    found = []
    for folder in sorted(Path("/sys/class/net").glob("*")):
        speed = read(folder / "speed")
        found.append(
            {
                "name": folder.name,
                "state": read(folder / "operstate"),
                "speed_mbit": int(speed) if speed.isdigit() else 0,
                "ipv4": addresses.get(folder.name, ""),
            }
        )

    return found


def infiniband() -> list[dict[str, Any]]:
    """The ports of the InfiniBand-like adapters, and the network interfaces that belong to each."""
    found = []
    for port in sorted(Path("/sys/class/infiniband").glob("*/ports/*")):
        adapter = port.parent.parent
        found.append(
            {
                "adapter": adapter.name,
                "state": read(port / "state").partition(":")[2].strip(),
                "rate": read(port / "rate"),
                "layer": read(port / "link_layer"),
                "interfaces": sorted(each.name for each in (adapter / "device/net").glob("*")),
            }
        )

    return found


def node_address() -> str:
    """The IPv4 address that the node's own name stands for."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return ""


def default_route() -> bool:
    """Whether the node has a way out at all."""
    routes = [line.split() for line in read("/proc/net/route").splitlines()[1:]]
    proxies = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return any(route[1] == "00000000" for route in routes) or any(map(os.environ.get, proxies))
