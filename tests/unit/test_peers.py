"""A group in which one process fails: all end, soon, with an error that names rank and node."""

import signal
import socket

import pytest

TRAIN = ("train", "--gpus", 0)
NODE = socket.gethostname()
LONG = 240
# What a run meets in the middle: an error of its own, in one rank only.
FAILING = """
import sys
from workloads.common.errors import RunFailed
from workloads.common.training import Training
from workloads.skyline.__main__ import main
conclude = Training._conclude_epoch
def fail(self, state, validation, seconds):
    conclude(self, state, validation, seconds)
    if state.epochs == 2:
        raise RunFailed("the third epoch would not start")
Training._conclude_epoch = fail
sys.exit(main())
"""


@pytest.fixture
def two_ranks(start_stage, group_environments):
    """Start two processes of one group; options and code can differ for the second."""
    started = []

    def start(*arguments, second=(), code=None):
        for rank, environment in enumerate(group_environments(2)):
            extra = second if rank else ()
            code_of_rank = code if rank else None
            started.append(
                start_stage(*arguments, *extra, environment=environment, code=code_of_rank)
            )
        return started

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def wait_for_epoch(process):
    """Read a process's records until an epoch has ended."""
    for line in process.stdout:
        if '"epoch_stop"' in line:
            return
    raise AssertionError(process.communicate()[1])


def end_of(process):
    """Exit code, standard output and last line of the errors of a process that ends by itself."""
    out, error = process.communicate(timeout=LONG)
    return process.returncode, out, error.splitlines()[-1]


def test_when_a_rank_is_killed_the_other_ends_and_names_it(two_ranks, tmp_path):
    first, second = two_ranks(*TRAIN, "--epochs", 1000, "--output", tmp_path / "run")
    wait_for_epoch(first)
    second.send_signal(signal.SIGKILL)
    code, out, error = end_of(first)
    assert code == 1
    assert error.startswith(f"error: rank 0 on {NODE}: rank 1 on {NODE} was lost in mid-run")
    assert f'"status": "failed", "reason": "rank 1 on {NODE} was lost' in out


def test_when_the_first_rank_is_killed_the_other_names_it(two_ranks, tmp_path):
    first, second = two_ranks(*TRAIN, "--epochs", 1000, "--output", tmp_path / "run")
    wait_for_epoch(first)
    first.send_signal(signal.SIGKILL)
    code, _, error = end_of(second)
    assert code == 1
    assert error.startswith(f"error: rank 1 on {NODE}: rank 0 on {NODE} was lost in mid-run")


def test_when_a_rank_fails_both_end_and_the_real_error_is_told(two_ranks, tmp_path):
    first, second = two_ranks(*TRAIN, "--output", tmp_path / "run", code=FAILING)
    assert end_of(second)[::2] == (
        1,
        f"error: rank 1 on {NODE}: the third epoch would not start",
    )
    code, _, error = end_of(first)
    assert code == 1
    assert f"rank 1 on {NODE} was lost in mid-run" in error


def test_sigterm_ends_a_rank_that_waits_for_a_silent_one(two_ranks, tmp_path):
    (tmp_path / "scratch").mkdir()
    extra = ("--scratch", tmp_path / "scratch", "--output", tmp_path / "run")
    first, second = two_ranks(*TRAIN, "--epochs", 1000, *extra)
    wait_for_epoch(first)
    assert len(list((tmp_path / "scratch").glob("*/*@*"))) == 1
    second.send_signal(signal.SIGSTOP)
    first.send_signal(signal.SIGTERM)
    code, _, error = end_of(first)
    assert code == 128 + signal.SIGTERM
    assert "ended by SIGTERM" in error
    assert list((tmp_path / "scratch").iterdir()) == []


def test_data_that_one_rank_lacks_ends_both_and_is_named(two_ranks, tiny_packed, tmp_path):
    lacking = ("--data", tmp_path / "nowhere")
    arguments = (*TRAIN, "--output", tmp_path / "run", "--data", tiny_packed)
    first, second = two_ranks(*arguments, second=lacking)
    assert end_of(second)[0] == 2
    code, _, error = end_of(first)
    assert code == 2
    assert error.startswith(f"error: rank 0 on {NODE}: rank 1 on {NODE}: no dataset at")
    assert "nowhere" in error


def test_processes_of_a_node_share_one_copy(two_ranks, tmp_path):
    (tmp_path / "scratch").mkdir()
    extra = ("--scratch", tmp_path / "scratch", "--output", tmp_path / "run", "--max-steps", 4)
    first, second = two_ranks(*TRAIN, *extra, "--pipeline", "files")
    (code, out, error), (other, silent, other_error) = end_of(first), end_of(second)
    assert (code, other) == (0, 0), error + other_error
    assert out.count('"key": "staging_seconds"') == 1
    assert f'"key": "nodes", "value": ["{NODE}"]' in out
    assert '"replicas_per_process", "value": 1' in out
    assert ":::MLLOG" not in silent
    assert list((tmp_path / "scratch").iterdir()) == []
