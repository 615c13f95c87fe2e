"""The compiled steps: several training or evaluation steps in one call, over all replicas."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from workloads.common.devices import Devices
from workloads.common.inputs import Batch, Feed
from workloads.common.objective import Objective

# Takes the arguments of some steps and their number; returns what the steps summed up.
Call = Callable[[Any, int], NDArray[np.float32]]


class Stepper:
    """Runs a model's steps on its devices.

    A call makes several steps and returns, for each of them, the sums over all replicas of loss,
    counts and weights: float array of shape (steps, 1 + counts + 1). The return waits for the
    device, so that a clock read after it measures finished work.
    """

    def __init__(
        self,
        devices: Devices,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer | None,
        objective: Objective,
        global_batch: int,
        steps_per_call: int,
        jit: bool = False,
    ) -> None:
        self.devices = devices
        self.model = model
        self.optimizer = optimizer
        self.objective = objective
        self.global_batch = global_batch
        self.steps_per_call = steps_per_call
        self._network = objective.network(model)
        self._jit = jit
        self._width = 2 + len(objective.count_names)
        with devices.strategy.scope():
            # Summed over replicas when read, not at every step: no collective is added to a step.
            self._sums = tf.Variable(
                tf.zeros((steps_per_call, self._width)),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            if optimizer is not None:
                optimizer.build(model.trainable_variables)

    def trainer(self, feed: Feed) -> Call:
        """A function that trains on the steps of one call of `feed`."""
        optimizer = self.optimizer
        if optimizer is None:
            raise ValueError("a Stepper without an optimizer only evaluates")
        gradients = tf.function(
            lambda batch: self._gradients(batch, optimizer), jit_compile=self._jit
        )

        def step(batch: Batch) -> Any:
            sums, slopes = gradients(batch)
            optimizer.apply(slopes, self.model.trainable_variables)
            return sums

        return self._caller(feed, step)

    def evaluator(self, feed: Feed) -> Call:
        """A function that evaluates the steps of one call of `feed`."""
        return self._caller(feed, tf.function(self._evaluate, jit_compile=self._jit))

    def _gradients(
        self, batch: Batch, optimizer: keras.optimizers.Optimizer
    ) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            inputs = self.objective.prepare(batch.inputs, batch.bits)
            outputs = self._network(inputs, training=True)
            losses = self.objective.losses(batch.targets, outputs)
            loss = tf.reduce_sum(losses * batch.weights) / self.global_batch
            scaled = optimizer.scale_loss(loss)
        return self._sum(batch, losses, outputs), tape.gradient(
            scaled, self.model.trainable_variables
        )

    def _evaluate(self, batch: Batch) -> Any:
        inputs = self.objective.prepare(batch.inputs, batch.bits)
        outputs = self._network(inputs, training=False)
        return self._sum(batch, self.objective.losses(batch.targets, outputs), outputs)

    def _sum(self, batch: Batch, losses: Any, outputs: Any) -> Any:
        counts = self.objective.counts(batch.targets, outputs)
        rows = tf.concat([losses[:, None], counts, tf.ones_like(losses)[:, None]], axis=1)
        return tf.reduce_sum(rows * batch.weights[:, None], axis=0)

    def _caller(self, feed: Feed, step: Callable[[Batch], Any]) -> Call:
        strategy = self.devices.strategy

        def one(arguments: Any, index: Any) -> None:
            sums = step(feed.select(arguments, index))
            rows = tf.one_hot(index, self.steps_per_call)[:, None] > 0
            self._sums.assign(tf.where(rows, sums[None, :], self._sums.read_value()))

        @tf.function(reduce_retracing=True)
        def call(arguments: Any, count: Any) -> Any:
            for index in tf.range(count):
                strategy.run(one, args=(arguments, index))
            return self._sums.read_value()

        def run(arguments: Any, count: int) -> NDArray[np.float32]:
            return call(arguments, tf.constant(count)).numpy()[:count]

        return run
