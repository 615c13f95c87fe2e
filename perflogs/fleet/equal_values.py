"""Compares what two sides compute in figures that must be equal, such as `loss_step100`."""

from collections import Counter, defaultdict

from perflogs.fleet.differing import trusted_value
from perflogs.fleet.samples import Sample

#: A node, and what it found.
Run = tuple[str, float]


def by_software(sample: Sample) -> dict[str, list[Run]]:
    """The runs of a sample, by their software."""
    found: dict[str, list[Run]] = defaultdict(list)
    runs = zip(sample.nodes, sample.values.tolist(), strict=True)
    for software, run in zip(sample.software, runs, strict=True):
        found[software].append(run)

    return found


def new_values(a: list[Run], b: list[Run]) -> list[Run]:
    """The runs of B that show it to compute something else: those with the value that most of its
    nodes find, where most of A's find another one; else those with values that A does not have at
    all. A value that A alone has is that of a node that has been mended."""
    before, now = trusted_value(a), trusted_value(b)
    if None not in (before, now) and before != now:
        return [run for run in b if run[1] == now]

    known = {value for _, value in a}
    return [run for run in b if run[1] not in known]


def most_common(runs: list[Run]) -> float:
    """The value that most of the runs have."""
    return Counter(value for _, value in runs).most_common(1)[0][0]
