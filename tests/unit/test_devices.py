"""Which GPUs a process takes: one process for a node's GPUs, one for each, bound or not."""

import pytest
import tensorflow as tf

from workloads.common.devices import Devices, deal_gpus
from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import ProcessGroup

FOUR = ["GPU:0", "GPU:1", "GPU:2", "GPU:3"]
TWO_NODES = ("n1:1", "n1:2", "n2:3", "n2:4")


def dealt(present, gpus, addresses, bound=False):
    """What each process of a group takes of what it sees."""
    ranks = range(max(1, len(addresses)))
    return [deal_gpus(present, gpus, ProcessGroup(rank, addresses), bound) for rank in ranks]


def test_one_process_takes_as_many_as_are_asked_for():
    assert dealt(FOUR, 3, ()) == [FOUR[:3]]
    assert dealt(FOUR, None, ()) == [FOUR]
    assert dealt(FOUR, 0, ()) == [[]]
    assert dealt([], None, ()) == [[]]


def test_one_process_for_each_node_takes_the_gpus_of_its_node():
    assert dealt(FOUR, 8, ("n1:1", "n2:2")) == [FOUR, FOUR]
    assert dealt(FOUR, None, ("n1:1", "n2:2")) == [FOUR, FOUR]


def test_processes_of_a_node_share_its_gpus_by_their_order():
    assert dealt(FOUR, 4, TWO_NODES) == [["GPU:0"], ["GPU:1"], ["GPU:0"], ["GPU:1"]]
    assert dealt(FOUR, None, TWO_NODES) == [FOUR[:2], FOUR[2:]] * 2


def test_processes_that_the_launcher_bound_take_what_they_see():
    assert dealt(["GPU:0"], 4, TWO_NODES, bound=True) == [["GPU:0"]] * 4
    assert dealt(["GPU:0"], None, TWO_NODES, bound=True) == [["GPU:0"]] * 4


def test_two_processes_never_share_a_gpu_unnoticed():
    with pytest.raises(UnusableInput, match="sees 1 for the 2 processes on this node"):
        dealt(["GPU:0"], 4, TWO_NODES)


def test_gpus_that_cannot_be_dealt_evenly_are_refused():
    with pytest.raises(UnusableInput, match="6 GPUs cannot be dealt evenly to 4 processes"):
        dealt(FOUR, 6, TWO_NODES)


@pytest.mark.parametrize(
    ("addresses", "gpus", "process_per"),
    [
        ((), 1, "node"),
        (("n1:1", "n2:2"), 2, "node"),
        (("n1:1", "n2:2"), 8, "node"),
        (("n1:1", "n1:2"), 2, "gpu"),
        (TWO_NODES, 4, "gpu"),
        (TWO_NODES, 8, "node"),
        (TWO_NODES, 0, "node"),
    ],
)
def test_the_record_says_what_a_process_stands_for(addresses, gpus, process_per):
    devices = Devices(tf.distribute.get_strategy(), ProcessGroup(0, addresses), gpus, ())
    assert devices.process_per == process_per
