"""The all-reduce that sums gradients in training, with values whose sum is known."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from workloads.common.devices import Devices
from workloads.common.errors import RunFailed
from workloads.common.group.agreement import largest

BYTES_PER_ELEMENT = 4
# Sums of small integers in float32 are exact up to 2^24, and rounded a little beyond.
TOLERANCE = 1e-4
# The values of a tensor repeat after so many elements: a prime, so that no chunk looks as another.
PERIOD = 7


class Reduction:
    """Sums of float32 tensors over all replicas: `lengths` are the elements of each tensor.

    A call makes `repetitions` of them, each of the one before, so that none can be left out. It
    takes the way of an optimizer in training: all tensors in one request of the replica context.
    """

    def __init__(self, devices: Devices, lengths: Sequence[int], repetitions: int) -> None:
        self.devices = devices
        self.lengths = tuple(lengths)
        self.repetitions = repetitions
        self._values = tf.function(lambda: self._run(self._own_values)).get_concrete_function()()
        self._reduce = tf.function(lambda values: self._run(self._sums, values))
        self._deviate = tf.function(lambda values: self._run(self._deviation, values))

    @property
    def bytes(self) -> int:
        """Bytes of all tensors on one replica."""
        return BYTES_PER_ELEMENT * sum(self.lengths)

    def reduce(self) -> Any:
        """Make one call; the sums, when this process's devices have finished them."""
        sums, firsts = self._reduce(self._values)
        for first in self._local(firsts):
            first.numpy()
        return sums

    def require_known(self, sums: Any) -> None:
        """Compare every element with the known sum. Raises RunFailed, on every rank."""
        here = [float(each.numpy()) for each in self._local(self._deviate(sums))]
        worst = largest(self.devices, next((each for each in here if math.isnan(each)), max(here)))
        if not worst <= TOLERANCE:
            raise RunFailed(
                f"the all-reduce of {self.bytes} bytes over {self.devices.replicas} replicas is "
                f"wrong: an element differs from the known sum by {worst:.3g} of it"
            )

    def _run(self, function: Any, *arguments: Any) -> Any:
        return self.devices.strategy.run(function, args=arguments)

    def _local(self, values: Any) -> Any:
        return self.devices.strategy.experimental_local_results(values)

    def _pattern(self) -> list[Any]:
        return [tf.cast(tf.range(length) % PERIOD + 1, tf.float32) for length in self.lengths]

    def _own_values(self) -> list[Any]:
        """Replica r has (r + 1) times the pattern: a value that is missing or twice there shows."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        factor = tf.cast(replica, tf.float32) + 1
        return [factor * pattern for pattern in self._pattern()]

    def _sums(self, values: list[Any]) -> tuple[list[Any], Any]:
        context = tf.distribute.get_replica_context()
        # An argument of a traced function is on no device; a gradient is on the replica's.
        values = [tf.identity(value) for value in values]
        for _ in range(self.repetitions):
            values = context.all_reduce(tf.distribute.ReduceOp.SUM, values)
        return values, tf.stack([value[0] for value in values])

    def _deviation(self, sums: list[Any]) -> Any:
        """The largest difference from the known sum, as a fraction of it; NaN where one is NaN."""
        replicas = self.devices.replicas
        # The first reduction adds 1 to n times the pattern, each later one n equal values.
        factor = replicas * (replicas + 1) / 2 * float(replicas) ** (self.repetitions - 1)
        differences = [
            tf.reduce_max(tf.abs(each / (pattern * factor) - 1))
            for each, pattern in zip(sums, self._pattern(), strict=True)
        ]
        return tf.reduce_max(tf.stack(differences))
