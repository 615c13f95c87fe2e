"""The site file that is written loads in ReFrame, and says what was promised and what was found."""

import ast
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from systems.detection import discovery, evidence, partition_text, site_file
from systems.detection.cluster import Cluster, Gpus, Node, Queue
from systems.detection.kinds import plan
from systems.detection.site_file import Site
from systems.detection.source import Comment, dictionary
from systems.probing import access
from systems.probing.answer import Answer, Gpu, Interface, Place, Port, Runtime
from systems.probing.answer import Gpus as FoundGpus
from systems.probing.configuration import load
from systems.probing.errors import UnusableInput

DISK = Place(True, True, True, True, 10**12, "xfs", "")
MEMORY = Place(True, True, True, True, 10**11, "tmpfs", "")
SHARED = Place(True, True, True, True, 10**15, "lustre", "")
FULL = Place(True, True, True, False, 0, "xfs", "No space left on device")
ABSENT = Place(False, False, False, False, 0, "", "")


def a100(number=4, profile=""):
    made = [
        Gpu("NVIDIA A100-SXM4-80GB", f"GPU-{each}", profile, "555.42") for each in range(number)
    ]
    return FoundGpus("nvidia-smi", made, "")


def answer(**more):
    usual = {"node": "n1", "slurm_node": "n1", "cpus": 64, "gpus": a100(), "runtimes": []}
    usual |= {"places": {"/local_scratch": DISK, "/tmp": MEMORY}, "interfaces": []}
    usual |= {"infiniband": [], "way_out": True, "launchers": []}
    return Answer(failed={}, **(usual | more))


def probed(found=None, failure=""):
    return SimpleNamespace(answer=found, failure=failure)


FOUR_A100 = (Gpus("a100", 4),)
A_DAY = Queue("gpu", longest=86400)


def node(name="n1", gpus=FOUR_A100, **more):
    return Node(name, ("gpu",), 64, gpus, sockets=2, threads_per_core=1, address=name, **more)


def cluster(*nodes, scheduler="slurm", queue=A_DAY, **more):
    return Cluster(scheduler, "c", "slurm 24.05.1", nodes or (node(), node("n2")), (queue,), **more)


def write(folder, probe=None, of=None, **more):
    """The file's text, and the only partition that ReFrame reads in it."""
    of = of or cluster()
    plans, left_out = plan(of)
    probes = {each.name: probe for each in plans} if probe else {}
    text = site_file.text(Site("site", [r"login\d+"], of, plans, left_out, probes, **more))
    # ReFrame keeps what it has loaded from a path.
    path = Path(tempfile.mkdtemp(dir=folder), "site.py")
    path.write_text(text)
    partition = load([path], "site").get("systems/0/partitions/0")
    return text, partition


def test_gpus_that_the_node_shows_are_devices_by_their_own_name(tmp_path):
    text, partition = write(tmp_path, probed(answer()))
    assert partition["devices"] == [{"type": "gpu", "model": "A100-SXM4-80GB", "num_devices": 4}]
    assert partition["resources"] == [
        {"name": "_rfm_gpu", "options": ["--gres=gpu:{num_gpus_per_node}"]}
    ]
    assert partition["features"] == ["gpu"]
    assert partition["processor"]["num_cpus"] == 64
    assert partition["extras"]["num_nodes"] == 2
    assert "promises" not in text


def test_gpus_that_are_promised_and_not_there_are_no_devices(tmp_path):
    found = answer(gpus=FoundGpus("/dev", [], ""))
    text, partition = write(tmp_path, probed(found))
    assert "devices" not in partition
    assert "resources" not in partition
    assert partition["features"] == []
    assert "promises 4 GPUs (a100) a node; on n1 there is none" in " ".join(text.split()).replace(
        "# ", ""
    )


def test_fewer_gpus_than_promised_are_those_that_are_there(tmp_path):
    text, partition = write(tmp_path, probed(answer(gpus=a100(3))))
    assert partition["devices"][0]["num_devices"] == 3
    assert "The scheduler promises 4 GPUs (a100) a node; n1 shows 3." in text


def test_a_partition_whose_node_gave_no_answer_is_the_scheduler_s_word_and_says_so(tmp_path):
    text, partition = write(tmp_path, probed(failure="job 7 gave no answer in 5 minutes"))
    assert partition["devices"] == [{"type": "gpu", "model": "A100", "num_devices": 4}]
    assert "No node was looked at (job 7 gave no answer in 5 minutes)" in text


def test_mig_devices_are_counted_with_their_profile(tmp_path):
    of = cluster(node(gpus=(Gpus("a100_3g.20gb", 2),)))
    _, partition = write(tmp_path, probed(answer(gpus=a100(2, "3g.20gb"))), of)
    assert partition["devices"][0]["num_devices"] == 2
    assert partition["extras"]["mig_profile"] == "3g.20gb"


def test_an_account_is_required_where_slurm_enforces_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIGPOINT_ACCOUNT", "science")
    _, partition = write(tmp_path, of=cluster(account_required=True))
    assert partition["extras"]["required_environment"] == ["TRIGPOINT_ACCOUNT"]
    assert "--account=science" in partition["access"]


@pytest.mark.parametrize("value", ["a\ntouch /tmp/x", "a --chdir=/", " ", "a\n", "$(id)", "ü\x1b"])
def test_an_account_that_is_no_name_is_refused_before_a_job_is_submitted(
    tmp_path, monkeypatch, value
):
    monkeypatch.setenv("TRIGPOINT_ACCOUNT", value)
    _, partition = write(tmp_path)
    assert not any(value in option for option in partition["access"])
    assert access.complaint(partition["access"]).startswith("TRIGPOINT_ACCOUNT holds no name")


@pytest.mark.parametrize("name", ["science", "phys-7_x", "a.b@c:d+e"])
def test_an_account_is_taken_as_it_is(tmp_path, monkeypatch, name):
    monkeypatch.setenv("TRIGPOINT_ACCOUNT", name)
    _, partition = write(tmp_path)
    assert f"--account={name}" in partition["access"]
    assert access.complaint(partition["access"]) == ""


@pytest.mark.parametrize(
    ("gpus", "words"),
    [
        (a100(4), ""),
        (a100(0), "promised 4 GPUs, found 0 on node n1: written as one without GPUs"),
        (a100(3), "promised 4 GPUs, found 3 on node n1: written with 3 GPUs a node"),
        (a100(5), "promised 4 GPUs, found 5 on node n1: written with 4 GPUs a node"),
        (None, "found nobody knows how many on node n1: written as one without GPUs"),
    ],
)
def test_a_node_with_another_number_of_gpus_than_promised_is_told_of(gpus, words):
    [planned], _ = plan(cluster())
    line = partition_text.other_gpus(planned, probed(answer(gpus=gpus)))
    assert words in line
    assert bool(line) == bool(words)


def test_jobs_ask_for_all_the_memory_of_a_node(tmp_path):
    _, partition = write(tmp_path)
    assert partition["access"] == ["--partition=gpu", "--mem=0"]


def test_torque_is_told_a_memory_that_its_smallest_node_has(tmp_path):
    nodes = (node(memory=1000), node("n2", memory=2000))
    of = cluster(*nodes, scheduler="torque")
    _, partition = write(tmp_path, of=of)
    assert partition["access"] == ["-q gpu", "-l mem=900mb"]
    assert (partition["launcher"], partition["extras"]["num_nodes"]) == ("local", 1)
    _, partition = write(tmp_path, probed(answer(launchers=["mpiexec"])), of)
    assert (partition["launcher"], partition["extras"]["num_nodes"]) == ("mpiexec", 2)


def test_a_job_takes_no_more_nodes_than_its_partition_allows(tmp_path):
    _, partition = write(tmp_path, of=cluster(queue=Queue("gpu", max_nodes=1)))
    assert partition["extras"]["num_nodes"] == 1


def test_nodes_without_a_way_out_are_offline(tmp_path):
    _, partition = write(tmp_path, probed(answer(way_out=False)))
    assert partition["features"] == ["gpu", "offline"]


def test_nodes_out_of_service_are_named(tmp_path):
    text, _ = write(tmp_path, of=cluster(node(), node("n2", state="DOWN*")))
    assert "Out of service when this was written: n2." in text


def test_fewer_processors_than_promised_are_those_that_are_there(tmp_path):
    _, partition = write(tmp_path, probed(answer(cpus=2)))
    assert partition["processor"] == {"num_cpus": 2}


@pytest.mark.parametrize(
    ("places", "chosen"),
    [
        ({"/local_scratch": DISK, "/tmp": DISK}, "/local_scratch"),
        ({"/local_scratch": ABSENT, "/scratch": SHARED, "/tmp": DISK}, "/tmp"),
        ({"/local_scratch": MEMORY, "/tmp": DISK}, "/tmp"),
        ({"/local_scratch": FULL, "/tmp": MEMORY}, "/tmp"),
        ({"/scratch": SHARED, "$TMPDIR": DISK}, ""),
    ],
)
def test_scratch_is_local_to_the_node_can_be_written_and_is_on_a_disk_if_one_is(places, chosen):
    assert evidence.scratch(answer(places=places), "")[0] == chosen


def test_a_folder_of_slurm_s_own_is_looked_at_but_not_one_by_node():
    assert "/nvme" in evidence.scratch_candidates("/nvme")
    assert not any("%" in each for each in evidence.scratch_candidates("/nvme/%n"))


def test_the_interconnect_is_the_active_infiniband_port_and_its_interface():
    interfaces = [Interface("eth0", "up", 10000, "10.0.0.1"), Interface("ib1", "up", 0, "10.1.0.1")]
    ports = [
        Port("mlx5_0", "DOWN", "800 Gb/sec (4X XDR)", "InfiniBand", ["ib0"]),
        Port("mlx5_1", "ACTIVE", "200 Gb/sec (4X HDR)", "InfiniBand", ["ib1"]),
        Port("mlx5_2", "ACTIVE", "400 Gb/sec (4X NDR)", "Ethernet", ["eth0"]),
    ]
    found = evidence.interconnect(answer(interfaces=interfaces, infiniband=ports), "10.0.0.1")
    assert found == {"name": "InfiniBand 200 Gb/sec (4X HDR)", "interface": "ib1"}


def test_without_infiniband_it_is_the_interface_that_slurm_reaches_the_node_by():
    interfaces = [
        Interface("lo", "unknown", 0, "127.0.0.1"),
        Interface("eth0", "up", 1000, "10.0.0.1"),
        Interface("eth1", "up", 25000, "10.2.0.1"),
    ]
    found = answer(interfaces=interfaces)
    assert evidence.interconnect(found, "10.2.0.1") == {
        "name": "Ethernet 25 Gb/s",
        "interface": "eth1",
    }
    assert evidence.interconnect(found, "127.0.0.1") == {"name": "loopback", "interface": "lo"}
    assert evidence.interconnect(found, "10.9.0.1") is None


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("NVIDIA A100-SXM4-80GB", "A100-SXM4-80GB"),
        ("Tesla V100-SXM2-32GB", "V100-SXM2-32GB"),
        ("NVIDIA GeForce GTX 1080 Ti", "GTX 1080 Ti"),
        ("AMD Instinct MI250X", "MI250X"),
        ("NVIDIA", "NVIDIA"),
    ],
)
def test_a_model_is_named_without_its_maker(name, short):
    assert evidence.short_name(name) == short


def test_amd_s_gpus_are_written_with_the_architecture_that_tells_them_from_nvidia_s(tmp_path):
    found = [Gpu("AMD Instinct MI250X", "0x1", "", "", "gfx90a")] * 4
    _, partition = write(tmp_path, probed(answer(gpus=FoundGpus("rocm-smi", found, ""))))
    [device] = partition["devices"]
    assert (device["arch"], device["model"]) == ("gfx90a", "MI250X")


def test_images_and_their_platform_are_in_the_file_where_the_node_has_both(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIGPOINT_IMAGES", "/images")
    there = {"/images/skyline.sif": DISK}
    found = answer(runtimes=[Runtime("apptainer", "1.4.5", "")], places=there)
    _, partition = write(tmp_path, probed(found))
    assert partition["container_platforms"] == [{"type": "Apptainer"}]
    assert partition["extras"]["images"] == {"skyline": "/images/skyline.sif"}


@pytest.mark.parametrize(
    ("host", "matching", "other"),
    [
        ("login03.cluster.example", ["login1", "login42.cluster"], "compute3"),
        ("hpc-login-2", ["hpc-login-1", "hpc-login-2"], "hpc-node-2"),
        ("vm", ["vm", "vm.local"], "vm2"),
        ("node7", ["node7"], "node71"),
    ],
)
def test_the_host_name_s_pattern_takes_the_login_nodes_and_no_others(host, matching, other):
    [pattern] = discovery.hostnames(host)
    assert all(re.match(pattern, each) for each in [host, *matching])
    assert not re.match(pattern, other)


NASTY = st.text(max_size=40) | st.sampled_from(
    ['"', "'''", '"""', "\\", "x\n'); import os #", "a\r\nb", "{num}", "\x1b[31m", "\u2028", "🛰"]
)


@given(NASTY, NASTY, NASTY, NASTY)
def test_whatever_a_cluster_calls_things_the_file_holds_data_and_nothing_else(a, b, c, d):
    block = [("k", a), Comment(b), (c, [a, {"x": d}]), ("n", [[("y", d), Comment(a)]])]
    read = ast.literal_eval("\n".join(dictionary(block, "")))
    expected = {"k": a}
    expected[c] = [a, {"x": d}]
    assert read == expected | {"n": [{"y": d}]}


@given(NASTY, NASTY, NASTY)
def test_no_text_of_a_cluster_or_node_escapes_from_the_file(kind, version, failure):
    gpus = (Gpus(kind, 2), Gpus("b", 1))
    of = Cluster("slurm", "c", version, (node("n1", gpus, features=(kind,)),), (A_DAY,))
    plans, left_out = plan(of)
    probes = {each.name: probed(failure=failure) for each in plans}
    tree = ast.parse(site_file.text(Site("site", ["x"], of, plans, [*left_out, failure], probes)))
    kinds = [type(each) for each in tree.body]
    assert kinds == [ast.Expr, *[ast.Import] * 2, *[ast.Assign] * 5]
    for option in [*plans[0].access, *plans[0].gpu_options]:
        assert option.isprintable()


@pytest.mark.parametrize("name", ["a\nb", "a b", "", "a;b", "$(a)", "[1-2"])
def test_a_name_that_no_scheduler_gives_does_not_come_into_a_job_script(name):
    with pytest.raises(UnusableInput, match="is no name of a node"):
        plan(cluster(node(name)))
    with pytest.raises(UnusableInput, match="is no name of a node"):
        plan(cluster(queue=Queue(name)))


def test_a_file_that_is_there_is_not_replaced(tmp_path):
    path = tmp_path / "site.py"
    path.write_text("mine")
    with pytest.raises(UnusableInput, match="--force"):
        discovery.detect(path, "site", None, 5, force=False)
    assert path.read_text() == "mine"


def test_a_file_that_reframe_would_not_load_is_not_left_behind(tmp_path):
    of = cluster()
    plans, _ = plan(of)
    site = Site("no such name", ["x"], of, plans)
    with pytest.raises(UnusableInput, match="cannot be loaded"):
        discovery._write(tmp_path / "site.py", site)
    assert [each for each in tmp_path.iterdir() if each.name != "__pycache__"] == []
