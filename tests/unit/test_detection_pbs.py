"""What PBS Pro and Torque print is read as it is meant."""

import pytest

from systems.detection import pbs
from systems.detection.cluster import Gpus
from systems.detection.kinds import plan
from systems.probing.errors import UnusableInput

PRO_NODES = """\
gpu01
     Mom = gpu01.cluster.example
     ntype = PBS
     state = free
     pcpus = 128
     resources_available.arch = linux
     resources_available.gpu_model = a100
     resources_available.host = gpu01
     resources_available.mem = 527834032kb
     resources_available.ncpus = 64
     resources_available.ngpus = 4
     resources_available.Qlist = gpuq,shared
     resources_available.vnode = gpu01
     resources_assigned.ncpus = 0
     resv_enable = True

cpu01
     Mom = cpu01.cluster.example
     state = offline,down
     resources_available.mem = 376gb
     resources_available.ncpus = 64
     queue = workq

"""
PRO_QUEUES = """\
Queue              Max   Tot Ena Str   Que   Run   Hld   Wat   Trn   Ext Type
---------------- ----- ----- --- --- ----- ----- ----- ----- ----- ----- ----
workq                0     0 yes yes     0     0     0     0     0     0 Exec
gpuq                 0     3 yes yes     1     2     0     0     0     0 Exec
oldq                 0     0  no yes     0     0     0     0     0     0 Exec
route                0     0 yes yes     0     0     0     0     0     0 Rout
"""
TORQUE_NODES = """\
node1
     state = free
     power_state = Running
     np = 40
     properties = gpu,ssd
     ntype = cluster
     status = rectime=1605874800,cpuclock=Fixed,varattr=,jobs=,state=free,size=213kb:897kb,\
netload=12,gres=,loadave=0.00,ncpus=40,physmem=131812345kb,availmem=150000000kb
     mom_service_port = 15002
     gpus = 1
     gpu_status = gpu[0]=gpu_id=00000000:3B:00.0;gpu_product_name=GeForce GTX 1080 Ti;

node2
     state = down
     np = 40
     ntype = cluster

"""
TORQUE_QUEUES = """\
Queue              Max    Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T   Cpt
----------------   ---   ----    --    --   ---   ---   ---   ---   ---   --- -   ---
batch                0      0   yes   yes     0     0     0     0     0     0 E     0
"""
SLURM_WRAPPER_QUEUES = """\
Queue              Max   Tot   Ena   Str   Que   Run   Hld   Wat   Trn   Ext T
----------------   ---   ---   ---   ---   ---   ---   ---   ---   ---   --- -
gpu                  ?     ?   yes   yes     ?     ?     ?     ?     ?     ? E
"""


def test_pbs_pro_s_nodes_are_read_with_gpus_memory_and_queues():
    found = pbs.read(PRO_NODES, PRO_QUEUES, "login2.cluster.example")
    assert (found.scheduler, found.name) == ("pbs", "login")
    gpu, cpu = found.nodes
    assert (gpu.cpus, gpu.gpus, gpu.memory) == (64, (Gpus("a100", 4),), 515462)
    assert gpu.queues == ("gpuq", "shared")
    assert gpu.in_service
    assert (cpu.cpus, cpu.gpus, cpu.memory, cpu.queues) == (64, (), 376 * 1024, ("workq",))
    assert not cpu.in_service


def test_pbs_pro_s_queues_that_run_jobs_become_partitions():
    cluster = pbs.read(PRO_NODES, PRO_QUEUES, "login")
    assert [(each.name, each.up) for each in cluster.queues][1:] == [
        ("gpuq", True),
        ("oldq", False),
    ]
    found, left_out = plan(cluster)
    assert [(each.name, each.access, each.gpu_options) for each in found] == [
        ("workq", ("-q workq",), ()),
        ("gpuq", ("-q gpuq",), ("ngpus={num_gpus_per_node}",)),
    ]
    assert left_out == ["oldq: it has no node."]


def test_torque_s_nodes_are_read_with_gpus_memory_and_properties():
    found = pbs.read(TORQUE_NODES, TORQUE_QUEUES, "head")
    assert found.scheduler == "torque"
    first, second = found.nodes
    assert (first.cpus, first.gpus, first.memory) == (40, (Gpus("", 1),), 128722)
    assert first.features == ("gpu", "ssd")
    assert (second.gpus, second.memory, second.in_service) == ((), 0, False)


def test_torque_s_kinds_of_nodes_cannot_be_told_apart_and_it_is_said():
    found, _ = plan(pbs.read(TORQUE_NODES, TORQUE_QUEUES, "head"))
    assert [each.name for each in found] == ["batch-gpu1", "batch-cpu40"]
    assert found[0].gpu_options == ("gpus={num_gpus_per_node}",)
    assert all("Jobs may come to other nodes" in each.comments[0] for each in found)


def test_the_queues_of_slurm_s_own_torque_commands_are_read():
    found = pbs.read(TORQUE_NODES, SLURM_WRAPPER_QUEUES, "head")
    assert [(each.name, each.up) for each in found.queues] == [("gpu", True)]


@pytest.mark.parametrize(("nodes", "queues"), [("", TORQUE_QUEUES), (TORQUE_NODES, "")])
def test_a_cluster_without_nodes_or_queues_is_unusable(nodes, queues):
    with pytest.raises(UnusableInput, match="no node, or no queue"):
        pbs.read(nodes, queues, "head")
