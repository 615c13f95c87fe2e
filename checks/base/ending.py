"""How a scheduler ended a job, from the state it reports and from what it wrote into the output.

Neither is there always: `squeue` knows no final state, Slurm reports exit code 0 for a job over its
time limit, and a node that is lost takes its output with it."""

import re
from typing import NamedTuple

from checks.base.evidence import Evidence


class Ending(NamedTuple):
    """An ending that was not the job's own, and the scheduler's words for it, if there are any."""

    meaning: str
    words: str

    def __str__(self) -> str:
        return f"{self.meaning} ({self.words})" if self.words else self.meaning


class _Kind(NamedTuple):
    states: tuple[str, ...]
    words: re.Pattern[str]
    meaning: str


# In the order of cause before effect: a job that is over its memory is cancelled, a preempted one
# as well.
_KINDS = (
    _Kind(
        ("TIMEOUT", "DEADLINE"),
        re.compile(r"DUE TO TIME LIMIT|walltime .*exceeded", re.IGNORECASE),
        "the time limit was hit",
    ),
    _Kind(
        ("OUT_OF_MEMORY",),
        re.compile(r"oom.?kill|out.of.memory|exceeded (job )?memory limit", re.IGNORECASE),
        "the job ran out of memory",
    ),
    _Kind(
        ("NODE_FAIL", "BOOT_FAIL"),
        re.compile(r"node fail(ure|ed)?\b", re.IGNORECASE),
        "a node was lost",
    ),
    _Kind(("PREEMPTED",), re.compile(r"DUE TO PREEMPTION"), "the job was preempted"),
    # Of the job, not of a step: a launcher cancels its step when one of the ranks has failed.
    _Kind(
        ("CANCELLED", "REVOKED"),
        re.compile(r"\bJOB \d+ .*CANCELLED AT"),
        "the job was cancelled",
    ),
)
_SCHEDULER = re.compile(r"\s*(\d+: *)?(slurm\w*|srun|=>> PBS|PBS)\b")
_KILLED = re.compile(r"\btasks? [\d,-]+: (Killed|Segmentation fault|Bus error|Aborted)")


def find_ending(evidence: Evidence) -> Ending | None:
    """What ended the job from outside, or None where nothing says that anything did."""
    for kind in _KINDS:
        words = _line_with(kind.words, evidence.stderr)
        if words or evidence.state in kind.states:
            return Ending(_mean(kind, evidence), words)

    return None


def find_killed_rank(evidence: Evidence) -> Ending | None:
    """The first rank that was killed, as `srun` says; None where none was.

    The ranks that are left are killed too when one of them fails, so that a word of their own
    about a cause comes before this."""
    words = _line_with(_KILLED, evidence.stderr)
    return Ending("a rank was killed", words) if words else None


def _mean(kind: _Kind, evidence: Evidence) -> str:
    if "CANCELLED" in kind.states and evidence.cancelled_here:
        return "ReFrame cancelled the job, which was in the queue for longer than max_pending_time"

    return kind.meaning


def _line_with(words: re.Pattern[str], text: str) -> str:
    """The first line of the scheduler's that has these words: a stage may have them too, of a path
    or of memory that an allocator does without."""
    lines = (line.strip() for line in text.splitlines() if _SCHEDULER.match(line))
    return next((line for line in lines if words.search(line)), "")
