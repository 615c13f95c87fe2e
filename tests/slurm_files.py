"""The configuration files of a Slurm cluster whose nodes are all this machine."""

from dataclasses import dataclass
from pathlib import Path

# Slurm takes any character device for a GPU. None of these computes anything.
FAKE_GPUS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random")
PROCESSORS, MEMORY_MB = 2, 4000


@dataclass(frozen=True)
class Shape:
    """What a cluster is made of: a folder for its files, ports from `base_port` up, its nodes, and
    whether it keeps accounts."""

    prefix: Path
    host: str
    base_port: int
    nodes: tuple[str, ...]
    accounting: bool

    @property
    def slurm_conf(self) -> Path:
        """The file that every command of the cluster reads."""
        return self.prefix / "slurm.conf"

    @property
    def munge_socket(self) -> Path:
        """Where munge answers."""
        return self.prefix / "run/munge.socket"


def slurm_conf(shape: Shape) -> str:
    """Text of slurm.conf: everything listens on 127.0.0.1, jobs are killed on memory and preempted
    by the partition `urgent`, and what is lost is noticed soon. Jobs have other numbers than those
    of a cluster beside it, since groups of processes draw their ports by them."""
    prefix, port = shape.prefix, shape.base_port
    return f"""\
ClusterName=box
SlurmctldHost={shape.host}(127.0.0.1)
SlurmctldPort={port + 1}
FirstJobId={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={shape.munge_socket}
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={prefix}/state
SlurmdSpoolDir={prefix}/spool/%n
SlurmctldPidFile={prefix}/run/slurmctld.pid
SlurmdPidFile={prefix}/run/slurmd-%n.pid
SlurmctldLogFile={prefix}/log/slurmctld.log
SlurmdLogFile={prefix}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
TmpFS={prefix}/scratch
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
KillWait=2
InactiveLimit=0
EnforcePartLimits=ALL
MinJobAge=300
OverTimeLimit=0
DefMemPerCPU=100
SlurmdTimeout=20
MessageTimeout=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherParams=OverMemoryKill
JobAcctGatherFrequency=task=1
{_accounting(shape)}
{_nodes(shape)}
PartitionName=gpu Nodes={",".join(shape.nodes)} Default=YES MaxTime=01:00:00 \
DefaultTime=00:10:00 PriorityTier=1 State=UP
PartitionName=debug Nodes={shape.nodes[0]} MaxTime=00:05:00 PriorityTier=1 State=UP
PartitionName=urgent Nodes={",".join(shape.nodes)} MaxTime=00:05:00 PriorityTier=10 State=UP
"""


def gres_conf() -> str:
    """Text of gres.conf: four fake GPUs in each node."""
    lines = [f"Name=gpu Type=v100 File={device} Flags=nvidia_gpu_env" for device in FAKE_GPUS]
    return "\n".join(lines) + "\n"


def slurmdbd_conf(shape: Shape) -> str:
    """Text of slurmdbd.conf."""
    port = shape.base_port
    return f"""\
AuthType=auth/munge
AuthInfo=socket={shape.munge_socket}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port + 2}
SlurmUser=root
PidFile={shape.prefix}/run/slurmdbd.pid
LogFile={shape.prefix}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={port + 3}
StorageUser=root
StorageLoc=accounts
CommitDelay=0
"""


def hosts(shape: Shape) -> str:
    """Text of /etc/hosts as the nodes see it."""
    names = [f"127.0.0.1 {node}" for node in shape.nodes]
    return "\n".join([f"127.0.0.1 localhost {shape.host}", *names]) + "\n"


def _accounting(shape: Shape) -> str:
    if not shape.accounting:
        return "AccountingStorageType=accounting_storage/none"

    return f"""\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={shape.base_port + 2}
AccountingStoragePass={shape.munge_socket}
AccountingStorageTRES=gres/gpu"""


def _nodes(shape: Shape) -> str:
    return "\n".join(
        f"NodeName={node} NodeHostname={node} "
        f"NodeAddr=127.0.0.1 Port={shape.base_port + 10 + index} "
        f"CPUs={PROCESSORS} Boards=1 SocketsPerBoard=1 CoresPerSocket={PROCESSORS} "
        f"ThreadsPerCore=1 RealMemory={MEMORY_MB} Gres=gpu:v100:{len(FAKE_GPUS)} "
        "Feature=gpu,v100 State=UNKNOWN"
        for index, node in enumerate(shape.nodes)
    )
