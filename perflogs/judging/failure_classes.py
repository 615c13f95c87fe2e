"""Whose failure a failed run is: the test's, the hardware's, the scheduler's or the suite's."""

import re

from perflogs.judging.finding import FAILURE, HARDWARE, NOT_SCHEDULED, SUITE_ERROR

# As checks/base/ending.py, ReFrame and the schedulers word them, in this order: a node that is lost
# is defective, whoever cancelled its jobs; a job that was refused or waited never ran, whatever
# limit it asked for; a time or memory limit is the run's own; what is then cancelled was not ended
# by itself. Programs have queues of their own, are blocked, and hold locks.
_NODE_LOST = re.compile(
    r"node was lost|node.?fail|boot.?fail|\bnode \S+ (is|was|went|has gone) (down|lost)\b|"
    r"\bnode (is )?down\b|\bnode\S* .*not responding",
    re.IGNORECASE,
)
_NEVER_RAN = re.compile(
    r"max_pending_time|\bpending (state|time|reason|job)|\bjob (was |is )?(blocked|held|pending)\b|"
    r"\bheld by (the )?(user|admin|root|scheduler)|\b(in|of) the queue\b|\bqueue (is )?full\b|"
    r"\bfull queue\b|sbatch|qsub|invalid account",
    re.IGNORECASE,
)
_OWN_LIMIT = re.compile(
    r"time limit|walltime .*exceeded|out.of.memory|oom.?kill|memory limit", re.IGNORECASE
)
_ENDED_BY_OTHERS = re.compile(r"preempt|cancelled|revoked", re.IGNORECASE)
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

        if _NEVER_RAN.search(reason):
            return NOT_SCHEDULED

        is_own = _OWN_LIMIT.search(reason) or not _ENDED_BY_OTHERS.search(reason)
        return FAILURE if is_own else NOT_SCHEDULED

    if phase in _OF_THE_SUITE:
        return SUITE_ERROR

    return FAILURE
