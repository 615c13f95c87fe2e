"""What Slurm prints is read as it is meant, and dealt into partitions of one kind of node each."""

import pytest
from ClusterShell.NodeSet import NodeSet
from hypothesis import given
from hypothesis import strategies as st

from systems.detection import slurm, slurm_text
from systems.detection.cluster import Cluster, Gpus, Node, Queue
from systems.detection.kinds import plan

NODE = (
    "NodeName={name} Arch=x86_64 CoresPerSocket=20  CPUAlloc=0 CPUEfctv=40 CPUTot={cpus} "
    "CPULoad=0.06 AvailableFeatures={features} ActiveFeatures={features} Gres={gres} "
    "NodeAddr={name} NodeHostName={name} Port=6818 Version=22.05.8 "
    "OS=Linux 5.14.0-362.el9.x86_64 #1 SMP PREEMPT_DYNAMIC Tue Oct 24 13:10:04 EDT 2023  "
    "RealMemory=512000 AllocMem=0 FreeMem=500126 Sockets=2 Boards=1 State={state} "
    "ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A Partitions={partitions}  "
    "BootTime=2026-11-20T08:36:15 SlurmdStartTime=2026-11-20T11:57:44 "
    "CfgTRES=cpu=40,mem=512000M,billing=40 AllocTRES= CapWatts=n/a CurrentWatts=0 AveWatts=0 "
    "Reason=State=broken by root, Gres=gpu:9 [root@2026-11-20T10:00:00]"
)
PARTITION = (
    "PartitionName={name} AllowGroups={groups} AllowAccounts=ALL AllowQos=ALL AllocNodes=ALL "
    "Default={default} QoS=N/A DefaultTime=00:10:00 DisableRootJobs=NO GraceTime=0 "
    "Hidden=NO MaxNodes={most} MaxTime={longest} MinNodes=0 LLN=NO MaxCPUsPerNode=UNLIMITED "
    "Nodes=x PriorityJobFactor=1 PriorityTier=1 RootOnly=NO ReqResv=NO OverSubscribe=NO "
    "OverTimeLimit=NONE PreemptMode=OFF State={state} TotalCPUs=16 TotalNodes=2"
)
CONFIG = """Configuration data as of 2026-11-20T12:00:00
AccountingStorageEnforce = {enforce}
AccountingStorageHost   = localhost
AccountingStorageType   = accounting_storage/{storage}
ClusterName             = mini
TmpFS                   = /tmp

Slurmctld(primary) at head is UP
"""


def node_line(name="gpu1", gres="gpu:v100:4(S:0-1)", **more):
    values = {"cpus": 40, "features": "gpu", "state": "IDLE", "partitions": "gpu"}
    return NODE.format(name=name, gres=gres, **(values | more))


def partition_line(name="gpu", **more):
    values = {"groups": "ALL", "default": "NO", "most": "UNLIMITED", "longest": "1-00:00:00"}
    return PARTITION.format(name=name, **(values | {"state": "UP"} | more))


def cluster(nodes, partitions, enforce="none", storage="none"):
    config = CONFIG.format(enforce=enforce, storage=storage)
    texts = "\n".join(partitions), "\n".join(nodes)
    return slurm.read("slurm 22.05.8\n", config, *texts)


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:v100:4(S:0-1)", [Gpus("v100", 4)]),
        ("gpu:4", [Gpus("", 4)]),
        ("gpu", [Gpus("", 1)]),
        ("gpu:no_consume:4", [Gpus("", 4)]),
        ("gpu:a100:no_consume:2(S:0,1)", [Gpus("a100", 2)]),
        ("gpu:a100_3g.20gb:2", [Gpus("a100_3g.20gb", 2)]),
        (
            "gpu:a100:2(S:0,2),gpu:a100_3g.20gb:4(S:1),nvme:1",
            [Gpus("a100", 2), Gpus("a100_3g.20gb", 4)],
        ),
        ("gpu:a100:2(S:0),gpu:a100:2(S:1)", [Gpus("a100", 4)]),
        ("gpu:0", []),
        ("craynetwork:4,bandwidth:lustre:no_consume:4G", []),
        ("(null)", []),
        ("", []),
    ],
)
def test_gpus_of_every_form_are_counted_by_type(gres, expected):
    assert list(slurm_text.gpus(gres)) == expected


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        ("UNLIMITED", None),
        ("infinite", None),
        ("30", 1800),
        ("5:00", 300),
        ("01:00:00", 3600),
        ("6-00:00:00", 6 * 86400),
        ("1-12", 36 * 3600),
        ("2-03:30", 2 * 86400 + 3 * 3600 + 1800),
    ],
)
def test_time_limits_of_every_form_are_read(limit, seconds):
    assert slurm_text.seconds(limit) == seconds


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_limit_reads_back_as_it_was_written(days, hours, minutes, rest):
    written = f"{days}-{hours:02}:{minutes:02}:{rest:02}"
    assert slurm_text.seconds(written) == ((days * 24 + hours) * 60 + minutes) * 60 + rest


def test_a_time_limit_of_no_known_form_is_refused():
    with pytest.raises(ValueError, match="soon"):
        slurm_text.seconds("soon")


def test_values_with_blanks_stay_whole_and_a_free_text_does_not_overwrite_what_was_said():
    record = slurm_text.records(node_line())[0]
    assert record["OS"].startswith("Linux 5.14.0")
    assert record["OS"].endswith("EDT 2023")
    assert record["State"] == "IDLE"
    assert record["Gres"] == "gpu:v100:4(S:0-1)"


def test_features_are_separated_by_commas_and_bars():
    assert slurm_text.features("gpu,a100|a100_80,,gpu") == ("gpu", "a100", "a100_80")
    assert slurm_text.features("(null)") == ()


def test_a_node_is_read_with_its_hardware_and_partitions():
    line = node_line(partitions="gpu,debug", features="gpu|v100", state="IDLE+DRAIN")
    found = cluster([line], [partition_line()]).nodes[0]
    assert (found.name, found.queues, found.cpus) == ("gpu1", ("gpu", "debug"), 40)
    assert (found.sockets, found.threads_per_core, found.memory) == (2, 1, 512000)
    assert found.features == ("gpu", "v100")
    assert found.gpus == (Gpus("v100", 4),)


@pytest.mark.parametrize(
    "state", ["DOWN*", "IDLE+DRAIN", "MIXED+DRAIN", "FAIL", "IDLE+NOT_RESPONDING"]
)
def test_nodes_that_take_no_jobs_are_out_of_service(state):
    assert not cluster([node_line(state=state)], [partition_line()]).nodes[0].in_service


@pytest.mark.parametrize("state", ["IDLE", "MIXED", "ALLOCATED", "IDLE+PLANNED", "IDLE+CLOUD"])
def test_nodes_that_will_take_jobs_are_in_service(state):
    assert cluster([node_line(state=state)], [partition_line()]).nodes[0].in_service


@pytest.mark.parametrize(
    ("storage", "enforce", "scheduler", "account"),
    [
        ("none", "none", "squeue", False),
        ("slurmdbd", "none", "slurm", False),
        ("slurmdbd", "associations,limits", "slurm", True),
        ("slurmdbd", "associations,limits,qos,safe", "slurm", True),
        ("none", "associations", "squeue", False),
    ],
)
def test_the_scheduler_and_the_account_follow_from_slurm_s_accounting(
    storage, enforce, scheduler, account
):
    found = cluster([node_line()], [partition_line()], enforce, storage)
    assert (found.scheduler, found.account_required) == (scheduler, account)


def test_a_partition_of_one_kind_of_node_is_one_partition():
    nodes = [node_line("gpu1"), node_line("gpu2")]
    [found], left_out = plan(cluster(nodes, [partition_line()]))
    assert found.name == "gpu"
    assert found.access == ("--partition=gpu",)
    assert found.gpu_options == ("--gres=gpu:{num_gpus_per_node}",)
    assert left_out == []


def test_kinds_of_nodes_are_told_apart_by_a_feature_where_one_does():
    nodes = [
        node_line("gpu1", "gpu:a100:4", features="gpu,a100_40"),
        node_line("gpu2", "gpu:a100:4", features="gpu,a100_80"),
        node_line("cpu1", "(null)", features="plain"),
    ]
    found, _ = plan(cluster(nodes, [partition_line()]))
    assert [(each.name, each.access[1:]) for each in found] == [
        ("gpu-a100_40", ("--constraint=a100_40",)),
        ("gpu-a100_80", ("--constraint=a100_80",)),
        ("gpu-cpu40", ("--constraint=plain",)),
    ]


def test_two_features_together_tell_a_kind_where_none_does_alone():
    nodes = [
        node_line("a", "gpu:v100:4", features="gpu,new"),
        node_line("b", "gpu:v100:2", features="gpu,old"),
        node_line("c", "(null)", features="new"),
        node_line("d", "gpu:v100:1", features="gpu,old,tiny"),
    ]
    found, _ = plan(cluster(nodes, [partition_line()]))
    assert found[0].access[1:] == ("--constraint=gpu&new",)
    assert found[1].access[1:] == ("--exclude=a,c,d",)


def test_where_no_feature_tells_the_others_are_excluded_and_it_is_said():
    nodes = [node_line("gpu1"), node_line("gpu2"), node_line("big1", cpus=80)]
    found, _ = plan(cluster(nodes, [partition_line()]))
    assert found[1].access == ("--partition=gpu", "--exclude=gpu[1-2]")
    assert "No feature" in found[1].comments[0]


def test_a_node_with_two_types_of_gpu_is_a_partition_for_each_and_asks_by_type():
    nodes = [node_line("mig1", "gpu:a100:2,gpu:a100_3g.20gb:4")]
    found, _ = plan(cluster(nodes, [partition_line()]))
    assert [(each.name, each.kind.gpus, each.mig_profile) for each in found] == [
        ("gpu-a100", Gpus("a100", 2), ""),
        ("gpu-a100_3g_20gb", Gpus("a100_3g.20gb", 4), "3g.20gb"),
    ]
    assert found[1].gpu_options == ("--gres=gpu:a100_3g.20gb:{num_gpus_per_node}",)
    assert found[1].access == ("--partition=gpu",)


def test_a_feature_that_is_an_operator_in_constraints_is_not_used():
    nodes = [node_line("a", features="x&y"), node_line("b", "(null)", features="z*2")]
    found, _ = plan(cluster(nodes, [partition_line()]))
    assert all(option.startswith("--exclude") for each in found for option in each.access[1:])


def test_a_partition_whose_nodes_another_has_for_longer_is_left_out():
    nodes = [node_line("gpu1", partitions="gpu,debug"), node_line("gpu2")]
    found, left_out = plan(
        cluster(nodes, [partition_line(default="YES"), partition_line("debug", longest="5:00")])
    )
    assert [each.name for each in found] == ["gpu"]
    assert left_out == ["debug: its nodes (gpu1) are all in gpu, for as long or longer."]


@pytest.mark.parametrize(
    "other", [{"longest": "4:00"}, {"groups": "staff"}, {"state": "DOWN"}, {"most": "1"}]
)
def test_a_partition_stays_where_the_other_is_shorter_or_closed_or_smaller(other):
    nodes = [node_line("gpu1", partitions="gpu,debug"), node_line("gpu2")]
    found, _ = plan(
        cluster(nodes, [partition_line(**other), partition_line("debug", longest="5:00")])
    )
    assert "debug" in [each.name for each in found]


def test_of_two_partitions_that_are_alike_the_default_stays():
    nodes = [node_line(partitions="one,two")]
    lines = [partition_line("one"), partition_line("two", default="YES")]
    found, left_out = plan(cluster(nodes, lines))
    assert [each.name for each in found] == ["two"]
    assert len(left_out) == 1


def test_a_partition_without_nodes_or_that_is_down_is_left_out():
    lines = [partition_line(), partition_line("empty"), partition_line("off", state="DOWN")]
    _, left_out = plan(cluster([node_line(partitions="gpu,off")], lines))
    assert left_out == ["empty: it has no node.", "off: it takes no jobs now."]


GPU_SETS = st.sampled_from([(), (Gpus("v100", 4),), (Gpus("", 2),), (Gpus("a", 1), Gpus("b", 1))])
NODES = st.lists(
    st.builds(
        lambda number, cpus, gpus, features: (f"n{number}", cpus, gpus, tuple(features)),
        st.integers(1, 12),
        st.sampled_from([8, 16]),
        GPU_SETS,
        st.sets(st.sampled_from(["gpu", "new", "old", "big"])),
    ),
    min_size=1,
    unique_by=lambda each: each[0],
)


@given(NODES)
def test_jobs_of_a_planned_partition_come_to_its_nodes_and_no_others(described):
    nodes = tuple(Node(name, ("q",), cpus, gpus, each) for name, cpus, gpus, each in described)
    made, _ = plan(Cluster("squeue", "c", "Slurm", nodes, (Queue("q"),)))
    assert len({each.name for each in made}) == len(made)
    for each in made:
        allowed = {node.name for node in nodes if _admits(each.access, node)}
        assert allowed == {node.name for node in each.nodes}
    assert {node for each in made for node in each.nodes} == set(nodes)


def _admits(access, node):
    for option in access:
        if option.startswith("--constraint="):
            return set(option.removeprefix("--constraint=").split("&")) <= set(node.features)
        if option.startswith("--exclude="):
            return node.name not in NodeSet(option.removeprefix("--exclude="))
    return True
