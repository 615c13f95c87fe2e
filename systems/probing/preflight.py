"""`python -m systems check`: looks at a node of every partition, and judges what it answers."""

from collections.abc import Sequence

from reframe.core.systems import System, SystemPartition

from systems.probing.findings import PartitionFindings
from systems.probing.image_judgement import image_paths
from systems.probing.job import Questions
from systems.probing.judgement import judge
from systems.probing.loading import loading
from systems.probing.place_judgement import places
from systems.probing.round import probe


def questions(partition: SystemPartition) -> Questions:
    """What to ask a node of the partition."""
    folders = [path for each in places(partition).values() for _, path in each]
    return Questions(places=[*folders, *image_paths(partition)], tensorflow=True)


def check(
    system: System, selected: str, files: Sequence[str], minutes: float
) -> list[PartitionFindings]:
    """Lets the checks load for the system, by the name and files that it was selected by; then
    probes every partition at the same time, and judges each."""
    suite = PartitionFindings(system.name, findings=[loading(selected, files)])
    if not suite.green:
        return [suite]

    jobs = probe({each.name: (each, questions(each)) for each in system.partitions}, minutes)
    return [suite, *(judge(each, jobs[each.name]) for each in system.partitions)]
