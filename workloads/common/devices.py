"""Devices and distribution: the TensorFlow strategy for the GPUs asked for, or a refusal."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from workloads.common.data_order import Share
from workloads.common.errors import UnusableInput
from workloads.common.process_group import ProcessGroup, process_group


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

    def local_replicas(self) -> range:
        """The replicas of this process, numbered over all processes."""
        here = self.replicas // self.group.processes
        return range(self.group.rank * here, (self.group.rank + 1) * here)

    def shares(self, samples: int, seed: int, shard_seed: int | None = None) -> list[Share]:
        """The shares of a split that this process's replicas own."""
        return [
            Share(samples, seed, replica, self.replicas, shard_seed)
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
    fewer GPUs than asked for: nothing falls back to the CPU silently.
    """
    if keras.backend.backend() != "tensorflow":
        raise UnusableInput(f"Keras was loaded with {keras.backend.backend()}: unset KERAS_BACKEND")
    group = process_group(environment)
    here = _take_gpus(gpus, group)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    strategy = _strategy(group, here)
    names = tuple(_device_name(gpu) for gpu in here) or (_processor_name(),)
    return Devices(strategy, group, len(here) * group.processes, names)


def _take_gpus(gpus: int | None, group: ProcessGroup) -> list[Any]:
    """Make this process's GPUs, and no others, visible to TensorFlow."""
    present = tf.config.list_physical_devices("GPU")
    local = group.local_ranks
    wanted = len(present) // len(local) * group.processes if gpus is None else gpus
    if wanted % group.processes:
        raise UnusableInput(
            f"{wanted} GPUs cannot be dealt evenly to {group.processes} processes: "
            "ask for a multiple"
        )
    each = wanted // group.processes
    # A launcher may bind a process to its own GPUs; then they are all that it sees.
    first = local.index(group.rank) * each if len(present) >= each * len(local) else 0
    here = present[first : first + each]
    if len(here) < each:
        raise UnusableInput(
            f"{wanted} GPUs were asked for, {each} of them in this process, but TensorFlow "
            f"{tf.__version__} sees {len(present)}: ask for fewer (--gpus), or check the driver "
            "and that this TensorFlow is built for the GPUs"
        )
    tf.config.set_visible_devices(here, "GPU")
    for gpu in here:
        tf.config.experimental.set_memory_growth(gpu, True)
    return here


def _strategy(group: ProcessGroup, here: list[Any]) -> tf.distribute.Strategy:
    if group.processes > 1:
        os.environ["TF_CONFIG"] = group.tf_config
        implementation = tf.distribute.experimental.CommunicationImplementation
        options = tf.distribute.experimental.CommunicationOptions(
            implementation=implementation.NCCL if here else implementation.AUTO
        )
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
