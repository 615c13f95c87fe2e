"""`python -m systems check`: looks at a node of every partition, and judges what it answers."""

import os

from reframe.core.systems import System, SystemPartition

from systems.probing.findings import Finding, PartitionFindings
from systems.probing.job import Questions
from systems.probing.judgement import judge, places
from systems.probing.round import probe


def questions(partition: SystemPartition) -> Questions:
    """What to ask a node of the partition."""
    named = [path for each in places(partition).values() for _, path in each]
    return Questions(places=named, tensorflow=True)


def missing_environment(partition: SystemPartition) -> list[str]:
    """The variables that the partition needs to be set and that are not."""
    required = partition.extras.get("required_environment") or []
    return [name for name in required if not os.environ.get(name)]


def check(system: System, minutes: float) -> list[PartitionFindings]:
    """Probes every partition of the system at the same time, and judges each."""
    jobs = probe(
        {
            each.name: (each, questions(each))
            for each in system.partitions
            if not missing_environment(each)
        },
        minutes,
    )
    return [
        judge(each, jobs[each.name]) if each.name in jobs else _not_submitted(each)
        for each in system.partitions
    ]


def _not_submitted(partition: SystemPartition) -> PartitionFindings:
    names = " and ".join(missing_environment(partition))
    text = f"{names} must be set for this partition"
    line = Finding("submit", False, text, f"export {names}, then check again")
    return PartitionFindings(partition.fullname, findings=[line])
