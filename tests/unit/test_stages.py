"""The stages as a user runs them: killed and resumed, in two processes, with an odd rank."""

import json
import signal
import socket

import h5py
import numpy as np
import pytest

TRAIN = ("train", "--gpus", 0)
# What a sick node does to one rank: the first weight of the trained model is off by one bit.
ODD_RANK = """
import sys
import numpy as np
from workloads.common import training
from workloads.skyline.__main__ import main
agree = training.require_agreement
def disturbed(devices, variables, facts):
    if variables and devices.group.rank == 1:
        value = np.array(variables[0].numpy())
        value.view(np.uint32).flat[0] ^= 1
        variables[0].assign(value)
    agree(devices, variables, facts)
training.require_agreement = disturbed
sys.exit(main())
"""


def metrics_in(text):
    records = [
        json.loads(line.removeprefix(":::MLLOG "))
        for line in text.splitlines()
        if line.startswith(":::MLLOG ")
    ]
    return {each["key"]: each["value"] for each in records}, records[-1]["metadata"]


def weights_in(path):
    with h5py.File(path) as file:
        return [file["weights"][name][()] for name in sorted(file["weights"])]


def finish(*processes):
    """Wait for processes started together; their exit codes and outputs."""
    return [(*process.communicate(), process.returncode) for process in processes]


@pytest.fixture
def two_processes(start_stage):
    """Start the same stage in two processes that form a group on this machine."""

    def start(*arguments, odd=False):
        with (
            socket.create_server(("127.0.0.1", 0)) as one,
            socket.create_server(("127.0.0.1", 0)) as two,
        ):
            ports = [each.getsockname()[1] for each in (one, two)]
        workers = [f"127.0.0.1:{port}" for port in ports]
        return [
            start_stage(
                *arguments,
                environment={
                    "TF_CONFIG": json.dumps(
                        {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
                    )
                },
                code=ODD_RANK if odd else None,
            )
            for rank in range(2)
        ]

    return start


@pytest.fixture(scope="session")
def whole_run(start_stage, tmp_path_factory):
    """An uninterrupted run of the tiny preset: its folder, metrics and closing record."""
    output = tmp_path_factory.mktemp("whole") / "run"
    [(out, err, code)] = finish(start_stage(*TRAIN, "--output", output))
    assert code == 0, err
    return output, *metrics_in(out)


def test_killed_and_started_again_it_ends_with_the_same_bits(start_stage, whole_run, tmp_path):
    process = start_stage(*TRAIN, "--output", tmp_path / "run")
    for line in process.stdout:
        if '"epoch_stop", "value": 3' in line:
            process.send_signal(signal.SIGKILL)
    finish(process)
    assert process.returncode == -signal.SIGKILL
    [(out, err, code)] = finish(start_stage(*TRAIN, "--output", tmp_path / "run"))
    assert code == 0, err
    assert '"key": "resumed"' in out
    for name in ("best.h5", "last.h5"):
        whole, resumed = weights_in(whole_run[0] / name), weights_in(tmp_path / "run" / name)
        assert all(np.array_equal(*pair) for pair in zip(whole, resumed, strict=True)), name
    metrics = metrics_in(out)[0]
    for name in ("validation_loss", "validation_accuracy", "train_loss", "loss_step100"):
        assert metrics[name] == whole_run[1][name]


def test_two_processes_train_as_one_and_only_the_first_reports(two_processes, whole_run, tmp_path):
    first, second = finish(*two_processes(*TRAIN, "--output", tmp_path / "run"))
    assert (first[2], second[2]) == (0, 0), first[1] + second[1]
    assert ":::MLLOG" not in second[0]
    metrics, closing = metrics_in(first[0])
    assert closing["status"] == "success"
    assert (metrics["processes"], metrics["replicas"], metrics["gpus_used"]) == (2, 2, 0)
    assert metrics["ranks_agree"] is True
    one = whole_run[1]
    assert metrics["loss_step100"] == pytest.approx(one["loss_step100"], rel=1e-3)
    assert metrics["validation_loss"] == pytest.approx(one["validation_loss"], rel=1e-3)
    assert metrics["dataset_digest"] == one["dataset_digest"]


def test_a_rank_that_disagrees_fails_the_run_on_every_rank(two_processes, tmp_path):
    arguments = (*TRAIN, "--output", tmp_path / "run", "--max-steps", 4)
    first, second = finish(*two_processes(*arguments, odd=True))
    assert (first[2], second[2]) == (1, 1)
    assert "replicas [1] of 2 disagree" in first[1]
    metrics, closing = metrics_in(first[0])
    assert closing["status"] == "failed"
    assert "ranks_agree" not in metrics


def test_a_run_at_full_speed_gets_its_fingerprint_from_a_deterministic_one(
    start_stage, whole_run, tmp_path
):
    arguments = (*TRAIN, "--jit", "--output", tmp_path / "run", "--max-steps", 20)
    [(out, err, code)] = finish(start_stage(*arguments))
    assert code == 0, err
    metrics = metrics_in(out)[0]
    assert metrics["loss_step100"] == whole_run[1]["loss_step100"]
    assert metrics["deterministic"] is False
    assert metrics["jit"] is True


def test_evaluation_scores_the_best_weights(start_stage, whole_run, tmp_path):
    arguments = ("evaluate", "--gpus", 0, "--checkpoint", whole_run[0], "--output", tmp_path)
    [(out, err, code)] = finish(start_stage(*arguments))
    assert code == 0, err
    metrics, closing = metrics_in(out)
    assert closing["status"] == "success"
    assert metrics["test_accuracy"] > 0.6
    precision, recall = metrics["test_precision"], metrics["test_recall"]
    f1 = 2 * precision * recall / (precision + recall)
    assert metrics["test_f1"] == pytest.approx(f1)
    assert metrics["dataset_digest"] == whole_run[1]["dataset_digest"]
