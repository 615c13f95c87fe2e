"""Several replicas, in one process as GPUs of a node are driven, and over several processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
# Seconds: processes that wait for each other would do so for ever.
PATIENCE = 400

# Two logical CPUs stand for two devices of a node: the strategy, the shares and the feeds are those
# of MirroredStrategy over GPUs. With 0 replicas the process group decides.
PROGRAM = """
import json, sys
import keras
import numpy as np
from workloads.common.devices import Devices, open_devices
from workloads.common.group.agreement import gather_text, largest, require_agreement
from workloads.common.construction import make_adam, make_model
from workloads.common.errors import RunFailed
from workloads.common.feeding import memory_feed
from workloads.common.inputs import training_plan
from workloads.common.group.process_group import ProcessGroup
from workloads.common.steps import Stepper
from workloads.skyline.model import build
from workloads.skyline.objective import PatchClassification
import tensorflow as tf

replicas, jit, precision = int(sys.argv[1]), sys.argv[2] == "jit", sys.argv[3]
bright_rank = int(sys.argv[4])
if replicas == 0:
    devices = open_devices(0, False)
else:
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration() for _ in range(replicas)]
    )
    names = [f"CPU:{index}" for index in range(replicas)]
    one = tf.distribute.get_strategy()
    strategy = tf.distribute.MirroredStrategy(names) if replicas > 1 else one
    devices = Devices(strategy, ProcessGroup(), 0, ("test",))
rng = np.random.default_rng(0)
labels = rng.integers(0, 2, 512).astype(np.uint8)
patches = rng.integers(0, 16, (512, 29, 29, 3), dtype=np.uint8)
patches[labels == 1] //= 2
if devices.group.rank == bright_rank:
    patches *= 15
model = make_model(devices, lambda: build("original"), 1, precision)
optimizer = make_adam(devices, 1e-4, precision)
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
texts = gather_text(devices, "ü" * devices.group.rank + "x" * (2 - devices.group.rank % 2))
facts = {"texts": texts, "largest": largest(devices, 2.0 + devices.group.rank)}
facts |= {"process_per": devices.process_per, "nodes": devices.group.nodes}
facts |= {"scale": float(keras.ops.convert_to_numpy(getattr(optimizer, "dynamic_scale", 1.0)))}
facts |= {"losses": losses, "odd": odd, "placed": placed, "replicas": devices.replicas}
print(json.dumps(facts))
"""


def start(replicas, jit="plain", precision="float32", bright_rank=-1, environment=None):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(replicas), jit, precision, str(bright_rank)],
        cwd=CHECKOUT,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    try:
        out, error = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 0, error
    return json.loads(out.splitlines()[-1])


def run(*arguments):
    return result(start(*arguments))


def run_group(environments, *arguments):
    return [result(each) for each in [start(0, *arguments, environment=e) for e in environments]]


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


@pytest.mark.parametrize("processes", [2, 4])
def test_several_processes_meet_and_train_as_one(one, group_environments, processes):
    results = run_group(group_environments(processes))
    texts = ["ü" * rank + "x" * (2 - rank % 2) for rank in range(processes)]
    for each in results:
        assert each["replicas"] == processes
        assert each["losses"] == pytest.approx(one["losses"], rel=1e-4)
        assert each["texts"] == texts
        assert each["largest"] == 1.0 + processes
        assert each["nodes"] == [socket.gethostname()] * processes
        assert each["process_per"] == "node"


def test_float16_with_a_loss_scale_trains_alike_on_two_processes(group_environments):
    [alone] = [run(1, "plain", "mixed_float16")]
    for each in run_group(group_environments(2), "plain", "mixed_float16"):
        assert each["losses"] == pytest.approx(alone["losses"], rel=0.02)


def test_a_float16_step_is_left_out_by_all_where_the_gradients_of_one_overflow(group_environments):
    dark = run(1, "plain", "mixed_float16")["scale"]
    scales = [
        each["scale"] for each in run_group(group_environments(2), "plain", "mixed_float16", 1)
    ]
    assert scales[0] == scales[1] < dark
