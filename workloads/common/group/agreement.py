"""Agreement between ranks: on the clock while they run, on every weight when they have run."""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from workloads.common.devices import Devices
from workloads.common.errors import RunFailed

DIGEST_BYTES = 32


def largest(devices: Devices, value: float) -> float:
    """The largest of every process's `value`, the same on all of them."""
    if devices.group.processes == 1:
        return value
    return float(_gather(devices, [np.array([value], np.float32)] * _local(devices)).max())


def require_agreement(devices: Devices, variables: list[Any], facts: str) -> None:
    """Compare a digest of every replica's weights and of `facts` over all replicas.

    Raises RunFailed, on every rank, naming the ranks that differ from the first.
    """
    require_equal(devices, _replica_contents(devices, variables, facts))


def require_equal(devices: Devices, contents: Iterable[bytes]) -> None:
    """Compare a digest of what each replica computes with; `contents` are of the local replicas.

    Raises RunFailed as `require_agreement` does.
    """
    digests = [_as_vector(hashlib.sha256(content).digest()) for content in contents]
    gathered = _gather(devices, digests).reshape(-1, DIGEST_BYTES)
    odd = [replica for replica, row in enumerate(gathered) if (row != gathered[0]).any()]
    if odd:
        raise RunFailed(
            f"replicas {odd} of {devices.replicas} disagree with replica 0 about the weights or "
            "the dataset: their figures mean nothing"
        )


def gather_text(devices: Devices, text: str) -> list[str]:
    """Every process's `text`, in the order of ranks, the same on all of them."""
    if devices.group.processes == 1:
        return [text]
    content = text.encode()
    local = _local(devices)
    length = np.array([len(content)], np.float32)
    lengths = _gather(devices, [length] * local)[::local, 0].astype(int)
    padded = _as_vector(content.ljust(max(1, *lengths), b"\0"))
    rows = _gather(devices, [padded] * local)[::local].astype(np.uint8)
    return [row[:length].tobytes().decode() for row, length in zip(rows, lengths, strict=True)]


def summed(devices: Devices, counts: list[int]) -> list[int]:
    """The sums of every process's `counts`, exact however large, the same on all of them."""
    parts = [json.loads(text) for text in gather_text(devices, json.dumps(counts))]
    return [sum(column) for column in zip(*parts, strict=True)]


def _as_vector(content: bytes) -> np.ndarray:
    """Bytes as float32, the one type that every device and every collective library takes."""
    return np.frombuffer(content, np.uint8).astype(np.float32)


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
