"""Several replicas in one process, as several GPUs in a node are driven."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# Two logical CPUs stand for two devices of a node: the strategy, the shares and the feeds are those
# of MirroredStrategy over GPUs. The figures are of no device.
PROGRAM = """
import json, sys
import numpy as np
from workloads.common.devices import Devices
from workloads.common.agreement import require_agreement
from workloads.common.construction import make_adam, make_model
from workloads.common.errors import RunFailed
from workloads.common.feeding import memory_feed
from workloads.common.inputs import training_plan
from workloads.common.process_group import ProcessGroup
from workloads.common.steps import Stepper
from workloads.skyline.model import build
from workloads.skyline.objective import PatchClassification
import tensorflow as tf

replicas, jit = int(sys.argv[1]), sys.argv[2] == "jit"
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration() for _ in range(replicas)]
)
names = [f"CPU:{index}" for index in range(replicas)]
strategy = tf.distribute.MirroredStrategy(names) if replicas > 1 else tf.distribute.get_strategy()
devices = Devices(strategy, ProcessGroup(), 0, ("test",))
rng = np.random.default_rng(0)
labels = rng.integers(0, 2, 512).astype(np.uint8)
patches = rng.integers(0, 256, (512, 29, 29, 3), dtype=np.uint8)
patches[labels == 1] //= 2
model = make_model(devices, lambda: build("original"), 1, "float32")
optimizer = make_adam(devices, 1e-4, "float32")
stepper = Stepper(devices, model, optimizer, PatchClassification(), 64, 4, jit)
shares = devices.shares(512, 1)
columns = [(patches[share.owned], labels[share.owned]) for share in shares]
feed = memory_feed(devices, shares, columns)
placed = [column[0].device.rsplit("device:", 1)[1] for column in feed.columns]
train, losses = stepper.trainer(feed), []
for epoch in range(2):
    plans = [training_plan(share, 64, epoch) for share in shares]
    for arguments, steps in feed.begin(plans, 4):
        losses += (train(arguments, steps)[:, 0] / 64).tolist()
require_agreement(devices, model.variables, "facts")
odd = ""
if replicas > 1:
    copies = strategy.experimental_local_results(model.variables[0].value)
    copies[1].assign(copies[1] + 1e-6)
    try:
        require_agreement(devices, model.variables, "facts")
    except RunFailed as error:
        odd = str(error)
print(json.dumps({"losses": losses, "odd": odd, "placed": placed, "replicas": devices.replicas}))
"""


def run(replicas, jit="plain"):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(replicas), jit],
        cwd=CHECKOUT,
        env=os.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def one():
    return run(1)


def test_compiled_steps_train_as_plain_ones(one):
    assert run(1, "jit")["losses"] == pytest.approx(one["losses"], rel=1e-3)


def test_two_replicas_train_as_one(one):
    two = run(2)
    assert two["replicas"] == 2
    assert two["placed"] == ["CPU:0", "CPU:1"]
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
    assert "replicas [1] of 2 disagree" in two["odd"]
