"""Every failure has the class of who must act on it."""

import pytest

from perflogs.judging.failure_classes import failure_class

#: By class: what the record says of it itself, the phase in which it failed, and the reason.
FAILURES = {
    "hardware": [
        ("hardware", "sanity", "hardware: 3 ECC errors"),
        ("scheduler", "sanity", "scheduler: a node was lost (slurmstepd: node failure)"),
        ("", "run_wait", "job 7 ended as NODE_FAIL"),
        ("scheduler", "run_wait", "cancelled by root: node n3 is down"),
        ("", "run_wait", "job 7 was cancelled: n3 is a node not responding"),
    ],
    "not scheduled": [
        ("scheduler", "sanity", "scheduler: the job was preempted"),
        ("scheduler", "sanity", "scheduler: the job was cancelled"),
        ("scheduler", "run", "cancelled the job: longer than max_pending_time"),
        ("", "run", "spawned process error: sbatch: error: invalid account"),
        ("", "run_wait", "job blocked: held by user, pending"),
        ("", "run", "sbatch: error: Requested time limit is invalid"),
        (
            "",
            "run_wait",
            "job cancelled because it was blocked in pending state due to: PartitionTimeLimit",
        ),
        ("", "run_wait", "job 7: REVOKED"),
    ],
    "failure": [
        ("", "run_wait", "JOB 7 ON n3 CANCELLED AT 3:00 DUE TO TIME LIMIT"),
        ("", "run", "MPI_Send blocked: deadlock"),
        ("", "run", "the work queue is empty"),
        ("", "run", "the lock is held by rank 3"),
        ("scheduler", "sanity", "scheduler: the time limit was hit"),
        ("scheduler", "sanity", "scheduler: the job ran out of memory"),
        ("run", "sanity", "run: exit code 1: cancelled"),
        ("judgement", "sanity", "judgement: accuracy below its floor"),
        ("", "performance", "throughput=3, expected 5"),
        ("", "sanity", "pattern not found"),
        ("", "", ""),
    ],
    "suite error": [
        ("input", "sanity", "input: no such folder"),
        ("", "setup", "AttributeError: x"),
        ("", "compile", "make: error"),
        ("", "cleanup", "cannot remove"),
    ],
}


@pytest.mark.parametrize(
    ("expected", "recorded", "phase", "reason"),
    [(expected, *each) for expected, group in FAILURES.items() for each in group],
)
def test_every_failure_has_the_class_of_who_must_act(
    expected: str, recorded: str, phase: str, reason: str
) -> None:
    assert failure_class(recorded, phase, reason) == expected
