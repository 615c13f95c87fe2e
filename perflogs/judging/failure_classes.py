"""Whose failure a failed run is: the test's, the hardware's, the scheduler's or the suite's."""

import re

from perflogs.judging.finding import FAILURE, HARDWARE, NOT_SCHEDULED, SUITE_ERROR

# As checks/base/ending.py and ReFrame word them. What the scheduler never let run is not what it
# ended; a node that is lost is defective; a time or memory limit is the run's own.
_NOT_RUN = re.compile(
    r"preempt|cancelled|revoked|pending|\bheld\b|\bqueue\b|blocked|sbatch|qsub|invalid account",
    re.IGNORECASE,
)
_NODE_LOST = re.compile(r"node was lost|node.?fail|boot.?fail|node_fail", re.IGNORECASE)
_BY_RECORD = {
    "hardware": HARDWARE,
    "not scheduled": NOT_SCHEDULED,
    "input": SUITE_ERROR,
    "run": FAILURE,
    "judgement": FAILURE,
    "reference": FAILURE,
}
# Before a job is handed over, and after it has been judged, it is the suite that does the work.
_OF_THE_SUITE = {
    "startup",
    "init",
    "setup",
    "compile",
    "compile_wait",
    "compile_complete",
    "cleanup",
}
#: The phases in which a job waits or runs.
_OF_THE_JOB = {"run", "run_wait", "run_complete"}


def failure_class(recorded: str, phase: str, reason: str) -> str:
    """The class of a failure, from what the record says of it: its own class (`failure_class`), the
    phase of ReFrame in which it failed, and the reason in words. Texts may be empty."""
    if recorded in _BY_RECORD:
        return _BY_RECORD[recorded]

    if recorded == "scheduler" or phase in _OF_THE_JOB:
        if _NODE_LOST.search(reason):
            return HARDWARE

        return NOT_SCHEDULED if _NOT_RUN.search(reason) else FAILURE

    if phase in _OF_THE_SUITE:
        return SUITE_ERROR

    return FAILURE
