"""Inference by several devices and processes: the same masks, and no rank fails unnoticed."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from slstr_scene_files import NAMES, SHAPES, make_scene, write, write_network

from workloads.slstr.__main__ import main

CHECKOUT = Path(__file__).parents[2]
NODE = socket.gethostname()
PATIENCE = 240
RUN = "import sys; from workloads.slstr.__main__ import main; sys.exit(main())"
# What a sick node does to one rank: a weight of its copy is off by one bit.
ODD_RANK = """
import sys
import numpy as np
from workloads.slstr.__main__ import main
from workloads.slstr.stages import inference
place = inference.place_copies
def disturbed(devices, build):
    copies = place(devices, build)
    weights = copies[0].model.get_weights()
    weights[-1].view(np.uint32).flat[0] ^= 1
    copies[0].model.set_weights(weights)
    return copies
inference.place_copies = disturbed
sys.exit(main())
"""
# A rank that says when it has begun, and works on until it is told to stop.
ENDLESS = """
import sys
from workloads.slstr.__main__ import main
from workloads.slstr.stages import inference
def endless(given, scenes, judged, advance, stopping):
    print("begun", flush=True)
    stopping.wait()
    return inference.Tally.of_counts([0] * 10), 0.0
inference._infer_own = endless
sys.exit(main())
"""
# Two logical CPUs stand for the GPUs of a node.
TWO_DEVICES = """
import sys
import tensorflow as tf
from workloads.common.devices import Devices
from workloads.common.group.process_group import ProcessGroup
from workloads.slstr.__main__ import main
from workloads.slstr.stages import inference
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    processor, [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
)
def open_two(gpus, deterministic):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    return Devices(strategy, ProcessGroup(nodes=("here",)), 0, ("test",))
inference.open_devices = open_two
place = inference.place_copies
def place_and_tell(devices, build):
    copies = place(devices, build)
    homes = [copy.model.weights[0].value.device.rsplit("device:", 1)[1] for copy in copies]
    print("placed", *homes)
    if odd:
        copies[1].model.weights[-1].assign(copies[1].model.weights[-1] + 1e-6)
    return copies
inference.place_copies = place_and_tell
odd = False
print("even", main())
odd, sys.argv[4] = True, sys.argv[4] + ".odd"
print("odd", main())
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The files of a network and of three scenes; not to be changed."""
    folder = tmp_path_factory.mktemp("given")
    for seed, (name, shape) in enumerate(zip(NAMES, SHAPES, strict=True)):
        write(folder / "hdf", make_scene(name, shape, seed))
    return write_network(folder), folder / "hdf"


@pytest.fixture
def start(given):
    """Start the stage in a process of its own; what still runs at the end is killed."""
    started = []

    def start_one(output, *extra, code=RUN, environment=None):
        arguments = map(str, ("inference", *given, output, "--cpu-only", *extra))
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            cwd=CHECKOUT,
            env=os.environ | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def one(given, tmp_path_factory, capsys):
    """The predictions of one process, by name, and its metrics."""
    folder = tmp_path_factory.mktemp("one")
    assert main([str(each) for each in ("inference", *given, folder, "--cpu-only")]) == 0
    return contents(folder), metrics_in(capsys.readouterr().out)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.h5")}


def metrics_in(text):
    lines = [line for line in text.splitlines() if line.startswith(":::MLLOG ")]
    records = [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]
    return {each["key"]: each["value"] for each in records}


def end_of(process):
    """Exit code, standard output and last line of the errors of a process that ends by itself."""
    out, error = process.communicate(timeout=PATIENCE)
    return process.returncode, out, (error.splitlines() or [""])[-1]


def test_two_processes_share_the_scenes_and_only_the_first_reports(
    start, one, group_environments, tmp_path
):
    ranks = [start(tmp_path, environment=each) for each in group_environments(2)]
    first, second = map(end_of, ranks)
    assert (first[0], second[0]) == (0, 0), first[2] + second[2]
    assert ":::MLLOG" not in second[1]
    assert "inference:" not in second[1]
    assert contents(tmp_path) == one[0]
    metrics = metrics_in(first[1])
    assert (metrics["processes"], metrics["eval_samples"]) == (2, len(NAMES))
    for name in ("bayes_accuracy", "bayes_f1", "truth_iou", "dataset_digest", "ranks_agree"):
        assert metrics[name] == one[1][name]
    assert metrics["imgs_per_s"] == pytest.approx(len(NAMES) / metrics["total"])


def test_a_rank_that_computes_with_other_weights_fails_the_run(start, group_environments, tmp_path):
    codes = (RUN, ODD_RANK)
    environments = group_environments(2)
    ranks = [
        start(tmp_path, code=c, environment=e) for c, e in zip(codes, environments, strict=True)
    ]
    first, second = map(end_of, ranks)
    assert (first[0], second[0]) == (1, 1)
    assert "replicas [1] of 2 disagree" in first[2]
    assert "ranks_agree" not in metrics_in(first[1])


def test_when_a_rank_is_killed_the_other_ends_and_names_it(start, group_environments, tmp_path):
    first, second = (
        start(tmp_path, code=ENDLESS, environment=each) for each in group_environments(2)
    )
    assert "begun\n" in second.stdout
    second.send_signal(signal.SIGKILL)
    code, out, error = end_of(first)
    assert code == 1
    lost = f"rank 1 on {NODE} was lost in mid-run"
    assert error.startswith(f"error: rank 0 on {NODE}: {lost}")
    assert f'"status": "failed", "reason": "{lost}' in out


def test_a_rank_that_cannot_write_ends_the_others_with_its_reason(
    start, group_environments, tmp_path
):
    failing = ENDLESS.replace("stopping.wait()", "raise OSError(28, 'full', 'disk')")
    codes, environments = (ENDLESS, failing), group_environments(2)
    ranks = [
        start(tmp_path, code=c, environment=e) for c, e in zip(codes, environments, strict=True)
    ]
    first, second = map(end_of, ranks)
    assert (first[0], second[0]) == (2, 2)
    assert f"rank 1 on {NODE}: no space left to write (disk)" in first[2]


def test_two_devices_share_the_scenes_and_must_have_the_same_weights(start, one, tmp_path):
    _, out, error = end_of(start(tmp_path / "out", code=TWO_DEVICES))
    assert "even 0" in out, error
    assert "placed CPU:0 CPU:1" in out
    assert contents(tmp_path / "out") == one[0]
    assert metrics_in(out)["replicas"] == 2
    assert "odd 1" in out
    assert "replicas [1] of 2 disagree" in error
