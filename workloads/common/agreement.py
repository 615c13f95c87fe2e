"""Agreement between ranks: on the clock while they run, on every weight when they have run."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from workloads.common.devices import Devices
from workloads.common.errors import RunFailed

DIGEST_WORDS = 8


def largest(devices: Devices, value: float) -> float:
    """The largest of every process's `value`, the same on all of them."""
    if devices.group.processes == 1:
        return value
    return float(_gather(devices, [np.array([value], np.float32)] * _local(devices)).max())


def require_agreement(devices: Devices, variables: list[Any], facts: str) -> None:
    """Compare a digest of every replica's weights and of `facts` over all replicas.

    Raises RunFailed, on every rank, naming the ranks that differ from the first.
    """
    digests = [
        np.frombuffer(hashlib.sha256(content).digest(), ">u4").astype(np.int64).astype(np.int32)
        for content in _replica_contents(devices, variables, facts)
    ]
    gathered = _gather(devices, digests).reshape(-1, DIGEST_WORDS)
    odd = [replica for replica, row in enumerate(gathered) if (row != gathered[0]).any()]
    if odd:
        raise RunFailed(
            f"replicas {odd} of {devices.replicas} disagree with replica 0 about the weights or "
            "the dataset: their figures mean nothing"
        )


def _local(devices: Devices) -> int:
    return len(devices.local_replicas())


def _replica_contents(devices: Devices, variables: list[Any], facts: str) -> Iterator[bytes]:
    copies = [devices.strategy.experimental_local_results(each.value) for each in variables]
    for replica in range(_local(devices)):
        yield facts.encode() + b"".join(copy[replica].numpy().tobytes() for copy in copies)


def _gather(devices: Devices, values: list[np.ndarray]) -> np.ndarray:
    """Every replica's vector, shape (replicas, length), on every process."""
    if devices.replicas == 1:
        return np.stack(values)

    vectors = devices.per_replica([tf.constant(value) for value in values])
    gathered = _gatherer(devices.strategy)(vectors)
    return devices.strategy.experimental_local_results(gathered)[0].numpy()


@functools.cache
def _gatherer(strategy: tf.distribute.Strategy) -> Callable[[Any], Any]:
    """Traced once: ranks agree on the clock after every call of steps."""

    @tf.function
    def gather(vectors: Any) -> Any:
        return strategy.run(
            lambda vector: tf.distribute.get_replica_context().all_gather(vector[None], axis=0),
            args=(vectors,),
        )

    return gather
