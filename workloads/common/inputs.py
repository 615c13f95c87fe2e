"""Feeding batches to replicas: data that lies on the device, or that streams to it.

Both kinds yield, for a run of steps, `arguments` (one structure for each replica) and offer
`select(arguments, step)`, which is called inside the compiled step and returns a Batch. So one
training loop serves both.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workloads.common.data_order import Share, random_bits
from workloads.common.devices import Devices


class Batch(NamedTuple):
    """One replica's part of a batch: inputs, targets, random bits (int32) and weights (float32)."""

    inputs: Any
    targets: Any
    bits: Any
    weights: Any


class Plan(NamedTuple):
    """What one replica reads, step by step; every array has shape (steps, local batch)."""

    positions: NDArray[np.int32]
    bits: NDArray[np.int32]
    weights: NDArray[np.float32]


def training_plan(share: Share, global_batch: int, epoch: int) -> Plan:
    """The replica's part of every batch of an epoch, shuffled, with its augmentation bits."""
    positions = share.epoch_positions(global_batch, epoch)
    bits = random_bits(share.seed, epoch, share.owned)[positions]
    # The upper half: 31 bits, so that int32, which every backend has, holds them unsigned.
    narrow = (bits >> np.uint64(33)).astype(np.int32)
    return Plan(positions, narrow, np.ones(positions.shape, np.float32))


def evaluation_plan(share: Share, global_batch: int) -> Plan:
    """Every sample of the share once, in order, without augmentation."""
    positions, weights = share.evaluation_positions(global_batch)
    return Plan(positions, np.zeros(positions.shape, np.int32), weights)


class Feed(Protocol):
    """A split of a dataset, ready for the devices."""

    shares: list[Share]

    def begin(self, plans: list[Plan], steps_per_call: int) -> Iterator[tuple[Any, int]]:
        """Iterate over (arguments, steps) of the calls that make up a pass over `plans`."""

    def select(self, arguments: Any, step: Any) -> Batch:
        """The batch of `step` (a scalar tensor, from 0 in each call) among `arguments`."""


@dataclass
class ResidentFeed:
    """Data that lies whole in device memory: a step gathers its samples by position.

    `columns[i]` is a pair (inputs, targets) of tensors of the i-th local replica.
    """

    devices: Devices
    shares: list[Share]
    columns: list[tuple[Any, Any]]

    def begin(self, plans: list[Plan], steps_per_call: int) -> Iterator[tuple[Any, int]]:
        """Put the pass's plan on the devices once, then hand out runs of steps."""
        steps = len(plans[0].positions)
        placed = []
        devices = self.devices.local_placements()
        for device, column, plan in zip(devices, self.columns, plans, strict=True):
            with tf.device(device):
                placed.append((*column, *(tf.constant(part) for part in plan)))
        data = self.devices.per_replica(placed)
        for first in range(0, steps, steps_per_call):
            count = min(steps_per_call, steps - first)
            yield (data, tf.constant(first)), count

    def select(self, arguments: Any, step: Any) -> Batch:
        """Gather the samples of one step."""
        (inputs, targets, positions, bits, weights), first = arguments
        rows = positions[first + step]
        return Batch(
            tf.gather(inputs, rows),
            tf.gather(targets, rows),
            bits[first + step],
            weights[first + step],
        )


@dataclass
class StreamFeed:
    """Data that is read while the devices compute.

    `read(replica, position)` is a TensorFlow function from a scalar position in a local replica's
    share to (input, target). `explain()` says what to tell the user when reading failed.
    """

    devices: Devices
    shares: list[Share]
    read: Callable[[int, Any], tuple[Any, Any]]
    prefetch_to_device: bool = False
    explain: Callable[[], Exception] | None = None

    def begin(self, plans: list[Plan], steps_per_call: int) -> Iterator[tuple[Any, int]]:
        """Start one tf.data pipeline for each local replica and hand out runs of steps."""
        steps = len(plans[0].positions)
        pipelines = [
            iter(self._pipeline(replica, plan, steps_per_call))
            for replica, plan in enumerate(plans)
        ]
        for first in range(0, steps, steps_per_call):
            count = min(steps_per_call, steps - first)
            yield self.devices.per_replica([self._next(each) for each in pipelines]), count

    def select(self, arguments: Any, step: Any) -> Batch:
        """The batch of one step among those that were streamed for this call."""
        return Batch(*(part[step] for part in arguments))

    def _next(self, pipeline: Iterator[Any]) -> Any:
        try:
            return next(pipeline)
        except tf.errors.OpError as error:
            if self.explain is None:
                raise
            raise self.explain() from error

    def _pipeline(self, replica: int, plan: Plan, steps_per_call: int) -> tf.data.Dataset:
        threads = max(1, len(os.sched_getaffinity(0)) // len(self.shares))
        flat = tuple(part.reshape(-1) for part in plan)
        samples = tf.data.Dataset.from_tensor_slices(flat).map(
            lambda position, bits, weight: (*self.read(replica, position), bits, weight),
            num_parallel_calls=threads,
            deterministic=True,
        )
        local_batch = plan.positions.shape[1]
        calls = samples.batch(local_batch, drop_remainder=True).batch(steps_per_call).prefetch(2)
        options = tf.data.Options()
        # TensorFlow 2.21's autotuner stalls at the end of an epoch; the numbers above are fixed.
        options.autotune.enabled = False
        calls = calls.with_options(options)
        if self.prefetch_to_device and self.devices.gpus:
            return calls.apply(tf.data.experimental.prefetch_to_device(f"GPU:{replica}", 2))
        return calls
