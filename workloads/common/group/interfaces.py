"""Network interfaces of this machine, and their addresses."""

import fcntl
import socket
import struct

from workloads.common.errors import UnusableInput

# ioctl_list(2): the IPv4 address of an interface; the name takes 16 bytes of a struct ifreq.
_SIOCGIFADDR = 0x8915
_LONGEST_NAME = 15


def interface_address(name: str) -> str:
    """The IPv4 address of the interface `name`.

    Raises UnusableInput, naming the interfaces that there are, where it is missing or has none.
    """
    present = [known for _, known in socket.if_nameindex()]
    if name not in present or len(name.encode()) > _LONGEST_NAME:
        raise UnusableInput(
            f"there is no network interface {name!r} on {socket.gethostname()}, "
            f"only {', '.join(present)}: correct the name in the site file"
        )
    request = struct.pack("256s", name.encode())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            answer = fcntl.ioctl(control, _SIOCGIFADDR, request)
        except OSError:
            raise UnusableInput(
                f"the network interface {name!r} of {socket.gethostname()} has no IPv4 address: "
                f"bring it up, or name another of {', '.join(present)} in the site file"
            ) from None
    return socket.inet_ntoa(answer[20:24])
