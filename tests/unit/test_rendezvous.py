"""The processes of a group meet within a time limit, or all say who did not come, and why."""

import contextlib
import json
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.group.interfaces import interface_address
from workloads.common.group.process_group import ProcessGroup
from workloads.common.group.rendezvous import meet

SHORT, ENOUGH, LONG = 0.5, 2.0, 20.0


def free_ports(count):
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [server.getsockname()[1] for server in servers]


@pytest.fixture
def groups():
    """The views of three processes of one group on this machine."""
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
    return [ProcessGroup(rank, addresses, "7.0") for rank in range(3)]


def outcomes(groups, seconds=LONG, **problems):
    """What `meet` returns or raises in each process, all run at once."""

    def run(group):
        environment = {"SLURMD_NODENAME": f"node{group.rank}"}
        try:
            problem = problems.get(f"rank{group.rank}", "")
            return meet(group, environment, problem, seconds)
        except (UnusableInput, RunFailed) as error:
            return error

    with ThreadPoolExecutor(len(groups)) as pool:
        return list(pool.map(run, groups))


def test_all_learn_each_other_and_their_ports_are_free_again(groups):
    met = outcomes(groups)
    assert [group.rank for group in met] == [0, 1, 2]
    assert {group.nodes for group in met} == {("node0", "node1", "node2")}
    assert {group.addresses for group in met} == {groups[0].addresses}
    for address in groups[0].addresses:
        # As TensorFlow's server does: on all addresses, and at once.
        port = int(address.split(":")[1])
        with socket.create_server(("", port)) as server:
            assert server.getsockname()[1] == port


def test_a_group_meets_again_at_once_on_the_same_ports(groups):
    outcomes(groups)
    assert all(isinstance(each, ProcessGroup) for each in outcomes(groups))


def test_a_rank_that_does_not_come_is_named_by_all(groups):
    for error in outcomes(groups[:2], SHORT):
        assert isinstance(error, RunFailed)
        assert str(error) == "rank 2 on 127.0.0.1 did not come within 0.5 s"


def test_ranks_that_wait_for_the_first_in_vain_say_so(groups):
    for error in outcomes(groups[1:], SHORT):
        assert isinstance(error, RunFailed)
        assert f"rank 0 on 127.0.0.1 did not answer at {groups[0].addresses[0]}" in str(error)
        assert "within 0.5 s" in str(error)


def test_a_port_that_is_taken_is_named_by_all(groups):
    port = int(groups[2].addresses[2].split(":")[1])
    with socket.create_server(("127.0.0.1", port)):
        first, second, third = outcomes(groups)
    assert str(third).startswith(f"port {port} on 127.0.0.1 is taken by another program: start")
    for other in (first, second):
        assert isinstance(other, UnusableInput)
        assert f"rank 2 on node2: port {port} on 127.0.0.1 is taken" in str(other)


def test_a_port_taken_on_any_other_address_is_taken(groups):
    port = int(groups[0].addresses[0].split(":")[1])
    with socket.create_server(("127.0.0.2", port)), pytest.raises(UnusableInput, match="taken"):
        meet(groups[0], {}, seconds=SHORT)


def test_the_port_of_the_first_rank_taken_by_a_stranger_ends_all(groups):
    port = int(groups[0].addresses[0].split(":")[1])
    with socket.create_server(("127.0.0.1", port)) as stranger, ThreadPoolExecutor(1) as pool:

        def answer_nonsense():
            with contextlib.suppress(OSError):
                while True:
                    stranger.accept()[0].close()

        pool.submit(answer_nonsense)
        first, second, third = outcomes(groups, SHORT)
        stranger.shutdown(socket.SHUT_RDWR)
    assert "is taken by another program" in str(first)
    assert "rank 0 on 127.0.0.1 did not answer" in str(second)
    assert "rank 0 on 127.0.0.1 did not answer" in str(third)


def test_a_problem_of_one_rank_is_raised_in_all(groups):
    first, second, third = outcomes(groups, rank1="64 GPUs were asked for")
    assert str(second) == "64 GPUs were asked for"
    assert str(first) == str(third) == "rank 1 on node1: 64 GPUs were asked for"
    first, second, third = outcomes(groups, rank0="no driver")
    assert str(first) == "no driver"
    assert str(second) == str(third) == "rank 0 on node0: no driver"


def test_a_process_of_another_job_is_sent_away_and_does_no_harm(groups):
    stranger = replace(groups[2], job="8.0")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(meet, groups[0], {}, "", LONG)
        with pytest.raises(UnusableInput, match="belongs to another job"):
            meet(stranger, {}, "", LONG)
        assert all(isinstance(each, ProcessGroup) for each in outcomes(groups[1:]))
        assert first.result().processes == 3


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"[" * 60_000 + b"\n",
        b"x" * 70_000,
        b"null\n",
        b'{"token": 1}\n',
        b"",
    ],
)
def test_noise_from_the_network_does_no_harm(groups, noise):
    host, port = groups[0].addresses[0].split(":")
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as stack:
        first = pool.submit(meet, groups[0], {}, "", LONG)
        stranger = None
        while stranger is None:
            with contextlib.suppress(ConnectionRefusedError):
                stranger = stack.enter_context(socket.create_connection((host, int(port)), LONG))
        with contextlib.suppress(ConnectionError):
            stranger.sendall(noise)
            # It is sent away; but who says nothing is only not waited for.
            assert noise == b"" or stranger.recv(1) == b""
        others = outcomes(groups[1:])
        assert first.result().processes == 3
    assert all(isinstance(each, ProcessGroup) for each in others)


def test_a_rank_with_a_problem_does_not_wait_for_the_others(groups):
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(meet, groups[0], {}, "", LONG)
        with pytest.raises(UnusableInput, match="no driver"):
            meet(groups[1], {}, "no driver", LONG)
        assert not first.done()
        [third] = outcomes(groups[2:])
        assert "no driver" in str(third)
        assert "no driver" in str(first.exception())


def test_what_a_process_says_is_taken_for_text_only(groups):
    first = outcomes(groups, rank1="red \x1b[31m\nerror: forged")[0]
    assert str(first) == "rank 1 on node1: red  [31m error: forged"


def test_a_rank_that_was_started_twice_is_named(groups):
    found = outcomes([*groups[:2], groups[1]], ENOUGH)
    assert str(found[0]) == "rank 1 on node1: it was started twice: check the launcher"
    assert not any(isinstance(each, ProcessGroup) for each in found)


def test_addresses_are_those_of_the_fabric_interface(groups):
    def run(group):
        return meet(group, {"TRIGPOINT_FABRIC_INTERFACE": "lo"}, "", LONG)

    named = [
        replace(
            group,
            addresses=tuple(each.replace("127.0.0.1", "localhost") for each in group.addresses),
        )
        for group in groups
    ]
    with ThreadPoolExecutor(3) as pool:
        met = list(pool.map(run, named))
    assert {group.addresses for group in met} == {groups[0].addresses}


def test_a_missing_fabric_interface_is_refused_naming_those_there_are(groups):
    with ThreadPoolExecutor(3) as pool:
        environment = {"TRIGPOINT_FABRIC_INTERFACE": "ib7"}
        pending = [pool.submit(meet, group, environment, "", LONG) for group in groups]
        for each in pending:
            with pytest.raises(UnusableInput, match=r"no network interface 'ib7' on .*lo"):
                each.result()


def test_the_address_of_an_interface_is_the_one_that_it_has():
    assert interface_address("lo") == "127.0.0.1"


def test_an_address_of_another_machine_is_refused(groups):
    elsewhere = replace(groups[0], addresses=("192.0.2.1:20000", *groups[0].addresses[1:]))
    with pytest.raises(UnusableInput, match=r"192\.0\.2\.1 is not an address of this machine"):
        meet(elsewhere, {}, seconds=SHORT)


def test_a_name_that_does_not_resolve_is_named(groups):
    nowhere = replace(groups[1], addresses=("nowhere.invalid:20000", *groups[1].addresses[1:]))
    with pytest.raises(UnusableInput, match=r"nowhere\.invalid does not resolve"):
        meet(nowhere, {}, seconds=SHORT)


def test_opening_devices_meets_the_group_and_fails_in_all_when_one_cannot():
    program = (
        "import sys; from workloads.common.command_line import run_stage;"
        "from workloads.common.devices import open_devices;"
        "sys.exit(run_stage(lambda: open_devices(int(sys.argv[1]), False), False))"
    )
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = []
    for rank, gpus in enumerate(("0", "64")):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", program, gpus],
                env={"TF_CONFIG": json.dumps(config), "PATH": "/usr/bin:/bin"},
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    errors = [process.communicate()[1].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [2, 2]
    node = socket.gethostname()
    assert errors[1].startswith(f"error: rank 1 on {node}: 64 GPUs were asked for")
    assert errors[0].startswith(f"error: rank 0 on {node}: rank 1 on {node}: 64 GPUs were asked")
