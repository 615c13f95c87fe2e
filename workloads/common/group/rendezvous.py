"""The processes of a group meet, within a time limit, before TensorFlow starts its servers.

TensorFlow waits an hour for a missing process, in silence, and ignores SIGTERM meanwhile. Here
every process reserves its own port; then rank 0 listens, the others come to it, and it answers
all of them: the addresses to use, or what went wrong and where. Messages are single lines of JSON
of bounded length; a process of another job is sent away by its token.
"""

import contextlib
import hashlib
import json
import os
import selectors
import socket
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.group.interfaces import interface_address
from workloads.common.group.listening import reserve, resolve, split_address
from workloads.common.group.process_group import ProcessGroup, node_name

TIME_LIMIT = 60.0
FABRIC_VARIABLE = "TRIGPOINT_FABRIC_INTERFACE"
_LONGEST_LINE = 1 << 16
_LONGEST_TEXT = 2_000
_RETRY_SECONDS = 0.2
# An answer comes at the end of rank 0's time limit at the latest; this is for the network.
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class _Arrival:
    """What a process says when it comes."""

    token: str
    rank: int
    node: str
    address: str
    problem: str

    @classmethod
    def read(cls, line: bytes) -> "_Arrival":
        """Parse a line; ValueError when it is anything else."""
        content = json.loads(line)
        kinds = {"token": str, "rank": int, "node": str, "address": str, "problem": str}
        if not isinstance(content, dict) or set(content) != set(kinds):
            raise ValueError("not the words of a process of a group")
        if any(type(content[name]) is not kind for name, kind in kinds.items()):
            raise ValueError("words of another kind")
        host, port = split_address(content["address"])
        if not port or not _is_plain(host) or not _is_plain(content["node"]):
            raise ValueError("not an address")
        return cls(**content | {"problem": _printable(content["problem"])})


def meet(
    group: ProcessGroup,
    environment: Mapping[str, str] = os.environ,
    problem: str = "",
    seconds: float = TIME_LIMIT,
) -> ProcessGroup:
    """Wait until all processes of `group` are there; return it with its nodes' names.

    Where the environment names a fabric interface, the addresses are those of that interface.
    `problem` is what keeps this process from taking part: all learn it, and all fail. Raises
    UnusableInput, naming rank and node, when a process has a problem, and RunFailed when one did
    not come in time.
    """
    listener = None
    address = group.addresses[group.rank]
    try:
        listener = reserve(group)
        if interface := environment.get(FABRIC_VARIABLE):
            address = f"{interface_address(interface)}:{split_address(address)[1]}"
    except UnusableInput as error:
        problem = problem or str(error)
    own = _Arrival(_token(group), group.rank, node_name(environment), address, problem)
    with listener or contextlib.nullcontext():
        if problem:
            with contextlib.suppress(RunFailed, UnusableInput):
                _exchange(listener, group, own, seconds)
            raise UnusableInput(problem)
        return _conclude(group, _exchange(listener, group, own, seconds))


def _exchange(
    listener: socket.socket | None, group: ProcessGroup, own: _Arrival, seconds: float
) -> dict[str, Any]:
    if group.rank > 0:
        return _ask(group, own, seconds)
    if listener is not None:
        return _receive(listener, group, own, seconds)
    return {}


def _conclude(group: ProcessGroup, answer: dict[str, Any]) -> ProcessGroup:
    if "problem" in answer:
        raise UnusableInput(_printable(str(answer["problem"])))
    if "missing" in answer:
        raise RunFailed(_printable(str(answer["missing"])))
    return replace(group, addresses=tuple(answer["addresses"]), nodes=tuple(answer["nodes"]))


def _token(group: ProcessGroup) -> str:
    """The same for all processes of a step of a job, and for no others."""
    return hashlib.sha256(json.dumps([group.job, group.addresses]).encode()).hexdigest()


def _receive(
    listener: socket.socket, group: ProcessGroup, own: _Arrival, seconds: float
) -> dict[str, Any]:
    """Rank 0: wait for the others, decide, and answer everybody who came."""
    present, connections = {0: own}, []
    with contextlib.closing(_first_lines(listener, seconds)) as lines:
        for connection, line in lines:
            arrival = _admit(connection, line, own.token, group)
            if arrival is None:
                continue
            if arrival.rank in present:
                arrival = replace(arrival, problem="it was started twice: check the launcher")
            present[arrival.rank] = arrival
            connections.append(connection)
            if len(present) == group.processes:
                break
    answer = _decide(group, present, seconds)
    for connection in connections:
        _answer(connection, answer)
    return answer


def _first_lines(
    listener: socket.socket, seconds: float
) -> Generator[tuple[socket.socket, bytes], None, None]:
    """Whoever connects within the time limit, with its first line, in the order of the lines."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as unheard:
        selector.register(listener, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                if key.data is None:
                    connection, _peer = listener.accept()
                    connection.setblocking(False)
                    unheard.callback(_close_unheard, selector, connection)
                    selector.register(connection, selectors.EVENT_READ, bytearray())
                    continue
                connection = key.fileobj  # type: ignore[assignment]
                line = _read_more(connection, key.data)
                if line is not None:
                    selector.unregister(connection)
                    yield connection, line


def _close_unheard(selector: selectors.BaseSelector, connection: socket.socket) -> None:
    if connection.fileno() >= 0 and connection in selector.get_map():
        connection.close()


def _read_more(connection: socket.socket, buffer: bytearray) -> bytes | None:
    """A whole line, None while there is more to come; empty when there will be none."""
    try:
        received = connection.recv(4096)
    except BlockingIOError:
        return None
    except OSError:
        return b""
    buffer += received
    if buffer.endswith(b"\n"):
        return bytes(buffer)
    return b"" if not received or len(buffer) > _LONGEST_LINE else None


def _admit(
    connection: socket.socket, line: bytes, token: str, group: ProcessGroup
) -> _Arrival | None:
    """The arrival that `line` tells of; None, and the end, for who is not of this group."""
    try:
        arrival = _Arrival.read(line)
    except (ValueError, RecursionError):
        connection.close()
        return None
    if arrival.token == token and 0 < arrival.rank < group.processes:
        return arrival
    _answer(connection, {"problem": f"{group.addresses[0]} belongs to another job"})
    return None


def _decide(group: ProcessGroup, present: Mapping[int, _Arrival], seconds: float) -> dict[str, Any]:
    problems = [
        f"rank {rank} on {arrival.node}: {arrival.problem}"
        for rank, arrival in sorted(present.items())
        if arrival.problem
    ]
    if problems:
        return {"problem": "; ".join(problems)}
    missing = [
        f"rank {rank} on {split_address(address)[0]}"
        for rank, address in enumerate(group.addresses)
        if rank not in present
    ]
    if missing:
        return {"missing": f"{', '.join(missing)} did not come within {seconds:g} s"}
    arrivals = [present[rank] for rank in range(group.processes)]
    return {
        "addresses": [arrival.address for arrival in arrivals],
        "nodes": [arrival.node for arrival in arrivals],
    }


def _answer(connection: socket.socket, answer: dict[str, Any]) -> None:
    # Whoever has gone away meanwhile is for TensorFlow to find out.
    with connection, contextlib.suppress(OSError):
        connection.settimeout(_GRACE_SECONDS)
        connection.sendall(json.dumps(answer).encode() + b"\n")


def _ask(group: ProcessGroup, own: _Arrival, seconds: float) -> dict[str, Any]:
    """Another rank: go to rank 0 until it answers. RunFailed when it does not in time."""
    host, port = split_address(group.addresses[0])
    deadline = time.monotonic() + seconds
    while True:
        try:
            return _ask_once(resolve(host), port, own, seconds)
        except (OSError, ValueError, RecursionError) as error:
            if time.monotonic() > deadline:
                raise RunFailed(
                    f"rank 0 on {host} did not answer at {group.addresses[0]} within "
                    f"{seconds:g} s ({error})"
                ) from None
            time.sleep(_RETRY_SECONDS)


def _ask_once(address: str, port: int, own: _Arrival, seconds: float) -> dict[str, Any]:
    with socket.create_connection((address, port), timeout=min(seconds, _GRACE_SECONDS)) as link:
        link.sendall(json.dumps(asdict(own)).encode() + b"\n")
        if own.problem:
            return {}
        # Rank 0's own limit may have begun only now.
        link.settimeout(seconds + _GRACE_SECONDS)
        with link.makefile("rb") as lines:
            answer = json.loads(lines.readline(_LONGEST_LINE) or b"null")
    if not isinstance(answer, dict) or not ({"problem", "missing", "nodes"} & set(answer)):
        raise ValueError("what listens there is no process of this group")
    return answer


def _is_plain(name: str) -> bool:
    return 0 < len(name) < 256 and all(each.isalnum() or each in "-._" for each in name)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:_LONGEST_TEXT]
