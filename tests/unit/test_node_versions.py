"""Kernel and firmware: what the node tells, of all nodes, and nothing that it does not tell."""

import platform
import threading

import pynvml
import pytest
from stand_in_driver import LOST, Library

from workloads.common import node_versions as module
from workloads.common.node_versions import (
    NodeVersions,
    gpu_firmware,
    node_versions,
    system_firmware,
    told_by_all,
)
from workloads.common.records import recording


@pytest.fixture(autouse=True)
def asked_anew():
    """Versions are kept for the life of a process."""
    node_versions.cache_clear()
    yield
    node_versions.cache_clear()


def vbios(version):
    """The answers of a GPU of which nothing but this is known."""
    return {"nvmlDeviceGetVbiosVersion": version}


def test_the_kernel_is_that_of_this_machine():
    assert node_versions().kernel == platform.release()


@pytest.mark.parametrize(
    ("content", "told"), [("2.19.0\n", ["BIOS 2.19.0"]), ("\n", []), (None, [])]
)
def test_the_firmware_of_the_node_is_read_where_it_may_be(tmp_path, content, told):
    if content is not None:
        (tmp_path / "bios_version").write_text(content)
    assert system_firmware(tmp_path / "bios_version") == told


def test_each_firmware_of_the_gpus_is_told_once():
    library = Library({"a": vbios("96.00.B"), "b": vbios("96.00.A"), "c": vbios("96.00.B")})
    assert gpu_firmware(library) == ["VBIOS 96.00.A", "VBIOS 96.00.B"]
    # NVML answers nobody who has not started it.
    assert library.calls[0] == ("nvmlInit",)


def test_a_gpu_that_is_lost_or_does_not_tell_hides_no_other():
    gpus = {"a": vbios(LOST), "b": {}, "c": vbios("96.00.A")}
    assert gpu_firmware(Library(gpus)) == ["VBIOS 96.00.A"]
    assert gpu_firmware(Library({"a": {}})) == []


def test_a_node_without_a_driver_has_no_firmware_of_gpus():
    class NoDriver(Library):
        def answer(self, name, *arguments):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    assert gpu_firmware(NoDriver({})) == []


def test_a_driver_that_never_answers_is_not_waited_for(monkeypatch):
    forever = threading.Event()

    def hang(library):
        forever.wait()
        return ["VBIOS 1"]

    monkeypatch.setattr(module, "gpu_firmware", hang)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    try:
        assert "VBIOS 1" not in node_versions().firmware
    finally:
        forever.set()


def test_nodes_that_differ_are_all_told_sorted_and_equal_ones_once():
    nodes = [
        NodeVersions("6.2", ["BIOS 2", "VBIOS 9"]),
        NodeVersions("6.1", ["BIOS 1", "VBIOS 9"]),
        NodeVersions("6.1", ["BIOS 1"]),
    ]
    assert told_by_all(nodes) == {
        "kernel_version": "6.1, 6.2",
        "firmware_version": "BIOS 1; BIOS 2; VBIOS 9",
    }


def test_firmware_that_no_node_tells_is_absent():
    assert told_by_all([NodeVersions("6.1", [])]) == {"kernel_version": "6.1"}


def test_a_run_of_several_processes_records_the_nodes_of_all_of_them(monkeypatch, tmp_path):
    from workloads.common import computing
    from workloads.common.devices import Devices
    from workloads.common.group.process_group import ProcessGroup

    devices = Devices(_OneReplica(), ProcessGroup(nodes=("n1",)), 0, ("a processor",))
    told = ['["6.1", ["BIOS 1"]]', '["6.2", ["BIOS 1"]]']
    monkeypatch.setattr(computing, "gather_text", lambda devices, text: told)
    with recording("train", tmp_path) as recorder:
        computing.record_computing_devices(recorder, None, devices)
    assert recorder.provenances["kernel_version"] == "6.1, 6.2"
    assert recorder.provenances["firmware_version"] == "BIOS 1"


class _OneReplica:
    """A strategy that is asked for its number of replicas alone."""

    num_replicas_in_sync = 1
