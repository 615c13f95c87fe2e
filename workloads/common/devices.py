"""Devices and distribution: the TensorFlow strategy for the GPUs asked for, or a refusal."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

import resource
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workloads.common.data_order import Dealing, Share
from workloads.common.errors import UnusableInput
from workloads.common.group.process_group import ProcessGroup, node_name, place, process_group
from workloads.common.group.rendezvous import FABRIC_VARIABLE, TIME_LIMIT, meet
from workloads.common.termination import ending_after, heed_sigterm

# By these a launcher gives a process GPUs of its own.
BINDING_VARIABLES = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Devices:
    """What a run computes on: its strategy, its processes, its accelerators.

    `replicas` counts copies of the model over all processes; on CPU each process has one.
    `gpus` counts accelerators over all processes, 0 on CPU.
    """

    strategy: tf.distribute.Strategy
    group: ProcessGroup
    gpus: int
    names: tuple[str, ...]

    @property
    def replicas(self) -> int:
        """Copies of the model over all processes."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def reports(self) -> bool:
        """Whether this process is the one that reports."""
        return self.group.rank == 0

    @property
    def process_per(self) -> str:
        """What a process stands for: a "gpu" of a node with several, else a whole "node"."""
        return "gpu" if self.group.shares_nodes and self.gpus == self.group.processes else "node"

    def local_replicas(self) -> range:
        """The replicas of this process, numbered over all processes."""
        here = self.replicas // self.group.processes
        return range(self.group.rank * here, (self.group.rank + 1) * here)

    def shares(self, samples: int, seed: int, dealing: Dealing | None = None) -> list[Share]:
        """The shares of a split that this process's replicas own."""
        return [
            Share(samples, seed, replica, self.replicas, dealing)
            for replica in self.local_replicas()
        ]

    def local_placements(self) -> list[str | None]:
        """The device of each local replica; None leaves it to TensorFlow, with one replica."""
        if self.replicas == self.group.processes:
            return [None]
        return list(self.strategy.extended.worker_devices)

    def per_replica(self, values: list[Any]) -> Any:
        """Distribute one value to each local replica, in the order of `local_replicas`."""
        first = self.local_replicas().start
        return self.strategy.experimental_distribute_values_from_function(
            lambda context: values[context.replica_id_in_sync_group - first]
        )


def open_devices(
    gpus: int | None, deterministic: bool, environment: Mapping[str, str] = os.environ
) -> Devices:
    """Take the accelerators asked for and open the strategy that drives them.

    `gpus` counts over all processes; 0 is the CPU, None takes whatever this machine has.
    Must be called before any tensor or layer is made. Raises UnusableInput when the machine has
    fewer GPUs than asked for: nothing falls back to the CPU silently. In a group of several
    processes the problem of one is raised in all, and RunFailed where one does not come in time.
    """
    if keras.backend.backend() != "tensorflow":
        raise UnusableInput(f"Keras was loaded with {keras.backend.backend()}: unset KERAS_BACKEND")
    group, here = _enter(gpus, process_group(environment), environment)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = _strategy(group, here)
    # TensorFlow's coordination service has taken SIGTERM, and would ignore it.
    heed_sigterm()
    names = tuple(_device_name(gpu) for gpu in here) or (_processor_name(),)
    return Devices(strategy, group, len(here) * group.processes, names)


def _enter(
    gpus: int | None, group: ProcessGroup, environment: Mapping[str, str]
) -> tuple[ProcessGroup, list[Any]]:
    """Take the GPUs and meet the other processes, which learn it where there are too few."""
    if group.processes == 1:
        return replace(group, nodes=(node_name(environment),)), _take_gpus(gpus, group, environment)
    try:
        here = _take_gpus(gpus, group, environment)
    except UnusableInput as error:
        meet(group, environment, problem=str(error))
        raise
    return meet(group, environment), here


def _take_gpus(gpus: int | None, group: ProcessGroup, environment: Mapping[str, str]) -> list[Any]:
    """Make this process's GPUs, and no others, visible to TensorFlow."""
    bound = any(name in environment for name in BINDING_VARIABLES)
    taken = deal_gpus(tf.config.list_physical_devices("GPU"), gpus, group, bound)
    tf.config.set_visible_devices(taken, "GPU")
    for gpu in taken:
        tf.config.experimental.set_memory_growth(gpu, True)
    return taken


def deal_gpus(present: list[Any], gpus: int | None, group: ProcessGroup, bound: bool) -> list[Any]:
    """This process's part of `gpus` (of all there are, if None), among those that it sees.

    The processes of a node share its GPUs in the order of their ranks. Where they are `bound`,
    and one sees fewer than they need together, the launcher gave it its own. Raises UnusableInput
    when there are too few, or not as many for each process.
    """
    here = len(group.local_ranks)
    if gpus is None:
        each = len(present) if bound and len(present) < here else len(present) // here
    elif gpus % group.processes:
        raise UnusableInput(
            f"{gpus} GPUs cannot be dealt evenly to {group.processes} processes: ask for a multiple"
        )
    else:
        each = gpus // group.processes
    shared = len(present) >= each * here
    first = group.local_ranks.index(group.rank) * each if shared else 0
    taken = present[first : first + each]
    if len(taken) < each or not (shared or bound):
        many = f" for the {here} processes on this node" if here > 1 else ""
        raise UnusableInput(
            f"{each * group.processes} GPUs were asked for, {each} of them in this process, but "
            f"TensorFlow {tf.__version__} sees {len(present)}{many}: ask for fewer (--gpus), or "
            "check the driver and that this TensorFlow is built for the GPUs"
        )
    return taken


def _strategy(group: ProcessGroup, here: list[Any]) -> tf.distribute.Strategy:
    if group.processes > 1:
        os.environ["TF_CONFIG"] = group.tf_config
        if interface := os.environ.get(FABRIC_VARIABLE):
            os.environ.setdefault("NCCL_SOCKET_IFNAME", interface)
        implementation = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=implementation.NCCL if here else implementation.AUTO
        )
        # A process that ended since they met would be waited for without end.
        with ending_after(TIME_LIMIT, f"{place(os.environ)}TensorFlow did not connect"):
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    if len(here) > 1:
        return tf.distribute.MirroredStrategy([f"GPU:{index}" for index in range(len(here))])
    return tf.distribute.get_strategy()


def _device_name(gpu: Any) -> str:
    return str(tf.config.experimental.get_device_details(gpu).get("device_name", "unknown GPU"))


def _processor_name() -> str:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        return "unknown CPU"
    return "unknown CPU"


def peak_memory_bytes() -> int:
    """Largest resident set of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def peak_device_memory_bytes(devices: Devices) -> int | None:
    """Largest allocation on one of this process's GPUs so far, in bytes; None on CPU."""
    if not devices.gpus:
        return None
    local = range(len(devices.names))
    return max(int(tf.config.experimental.get_memory_info(f"GPU:{i}")["peak"]) for i in local)
