"""All-reduces are timed as training makes them, over two processes, and every sum is checked."""

import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from workloads.collectives.__main__ import main
from workloads.collectives.gradients import MODELS, gradient_lengths
from workloads.collectives.presets import PRESETS
from workloads.collectives.timing import timing_of

CHECKOUT = Path(__file__).parents[2]
ARGUMENTS = ["allreduce", "--preset", "tiny", "--gpus", "0"]
# One replica's values are not numbers.
NOT_A_NUMBER = """
import sys
import workloads.collectives.reduction as reduction
from workloads.collectives.__main__ import main

def own_values(self):
    return [pattern * float("nan") for pattern in self._pattern()]

reduction.Reduction._own_values = own_values
sys.exit(main(sys.argv[1:]))
"""
# Only the third call, the first that is timed, gives one rank another sum.
BROKEN_LATE = """
import sys
import workloads.collectives.reduction as reduction
from workloads.collectives.__main__ import main

reduce, calls = reduction.Reduction.reduce, []

def third_is_wrong(self):
    calls.append(None)
    sums = reduce(self)
    return [each * 1.01 for each in sums] if len(calls) == 3 else sums

reduction.Reduction.reduce = third_is_wrong
sys.exit(main(sys.argv[1:]))
"""
# Two logical CPUs stand for two devices of one node: the figures are of no device.
TWO_IN_ONE_PROCESS = """
import sys
import tensorflow as tf
import workloads.collectives.stages.allreduce as stage
from workloads.collectives.__main__ import main
from workloads.common.devices import Devices
from workloads.common.group.process_group import ProcessGroup

processor = tf.config.list_physical_devices("CPU")[0]
halves = [tf.config.LogicalDeviceConfiguration() for _ in range(2)]
tf.config.set_logical_device_configuration(processor, halves)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
stage.open_devices = lambda *_, **__: Devices(strategy, ProcessGroup(), 0, ("test",))
sys.exit(main(sys.argv[1:]))
"""


def two_ports():
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run_two(output, programs):
    """Exit code, standard output and standard error of a run's two processes."""
    workers = [f"127.0.0.1:{port}" for port in two_ports()]
    processes = []
    for rank, program in enumerate(programs):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
        processes.append(
            subprocess.Popen(
                [sys.executable, *program, *ARGUMENTS, "--output", str(output)],
                cwd=CHECKOUT,
                env=os.environ | {"TF_CONFIG": json.dumps(task)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    texts = [process.communicate(timeout=120) for process in processes]
    return [(process.returncode, *text) for process, text in zip(processes, texts, strict=True)]


def records_of(output):
    lines = (output / "allreduce.records.log").read_text().splitlines()
    return {
        record["key"]: record
        for record in (json.loads(line.removeprefix(":::MLLOG ")) for line in lines)
    }


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """A finished run over two processes: its folder, and what each process left."""
    output = tmp_path_factory.mktemp("allreduce")
    return output, run_two(output, [["-m", "workloads.collectives"]] * 2)


def test_two_processes_measure_every_figure_and_only_the_first_reports(two_processes):
    output, ((code, first, error), (other_code, second, _)) = two_processes
    assert (code, other_code) == (0, 0), error
    assert ":::MLLOG" in first
    assert second == ""
    records = records_of(output)
    assert records["run_stop"]["metadata"]["status"] == "success"
    for key, value in {"replicas": 2, "processes": 2, "gpus_used": 0, "ranks_agree": True}.items():
        assert records[key]["value"] == value
    assert records["kernel_version"]["value"] == platform.release()
    for name, unit, better in (
        ("allreduce_latency_seconds", "s", "lower"),
        ("allreduce_bus_bandwidth", "GB/s", "higher"),
        ("allreduce_algorithm_bandwidth", "GB/s", "higher"),
        ("allreduce_seconds_skyline_original", "s", "lower"),
        ("allreduce_seconds_skyline_optimised", "s", "lower"),
    ):
        assert records[name]["value"] > 0
        metadata = records[name]["metadata"]
        assert (metadata["unit"], metadata["better"]) == (unit, better)
        assert metadata["comparison"] == "relative"


def test_the_record_of_all_sizes_holds_each_message_and_each_model(two_processes):
    output, ((_, printed, _), _) = two_processes
    rows = records_of(output)["allreduce_by_message_size"]["value"]
    messages = PRESETS["tiny"]().message_bytes()
    assert [row["bytes"] for row in rows] == [*messages, 4 * 428_732, 4 * 20_578]
    assert [row["message"] for row in rows][-2:] == ["skyline_original", "skyline_optimised"]
    for row in rows:
        assert 0 < row["seconds_median"] <= row["seconds_99th_percentile"]
        assert f"{row['bytes']:,}" in printed


def test_a_sum_that_is_not_a_number_fails_on_every_rank(tmp_path):
    programs = [["-m", "workloads.collectives"], ["-c", NOT_A_NUMBER]]
    for code, _, error in run_two(tmp_path, programs):
        assert code == 1
        assert "the all-reduce of 4 bytes over 2 replicas is wrong" in error
    ending = records_of(tmp_path)["run_stop"]["metadata"]
    assert ending["status"] == "failed"
    assert "is wrong" in ending["reason"]


def test_every_timed_sum_is_checked(tmp_path):
    programs = [["-m", "workloads.collectives"], ["-c", BROKEN_LATE]]
    for code, _, error in run_two(tmp_path, programs):
        assert code == 1
        assert "the all-reduce of 4 bytes over 2 replicas is wrong" in error


def test_replicas_of_one_process_are_measured_too(tmp_path):
    command = [sys.executable, "-c", TWO_IN_ONE_PROCESS, *ARGUMENTS, "--output", str(tmp_path)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = records_of(tmp_path)
    assert (records["replicas"]["value"], records["processes"]["value"]) == (2, 1)


def test_one_replica_has_nothing_to_reduce_and_is_told_how_to_start_several(tmp_path, capsys):
    assert main([*ARGUMENTS, "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "error: one replica has nothing to reduce" in error
    assert "`srun --ntasks=2 python -m workloads.collectives allreduce ...`" in error
    assert "TF_CONFIG" in error


@pytest.mark.parametrize(
    ("preset", "largest"), [("tiny", 2**20), ("smoke", 2**22), ("nightly", 2**28)]
)
def test_messages_are_powers_of_four_up_to_the_largest_of_the_preset(preset, largest):
    sizes = PRESETS[preset]().message_bytes()
    assert sizes == [4**power for power in range(1, len(sizes) + 1)]
    assert sizes[-1] == largest


def test_gradients_have_the_sizes_of_the_models():
    lengths = {name: gradient_lengths(build) for name, build in MODELS.items()}
    assert {name: sum(each) for name, each in lengths.items()} == {
        "skyline_original": 428_732,
        "skyline_optimised": 20_578,
    }
    assert all(length > 0 for each in lengths.values() for length in each)


def test_the_bus_bandwidth_is_that_of_nccl_tests():
    timing = timing_of("256 MiB", (2**26,), 2**28, 8, [0.002, 0.001, 0.004])
    assert timing.seconds_median == 0.002
    assert timing.algorithm_bandwidth == pytest.approx(2**28 / 0.002 / 1e9)
    assert timing.bus_bandwidth == pytest.approx(timing.algorithm_bandwidth * 1.75)
