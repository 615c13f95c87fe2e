"""What an operator sees of a series that is judged again every night."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from perflogs.statistics.judge import judge
from perflogs.statistics.judgement import Change

#: A finding that was there last night, with a start within so many runs, is the same one.
SAME = 10


@dataclass(frozen=True)
class Alert:
    """A finding on the first night that it is reported."""

    night: int
    kind: str
    finding: Change


def alerts(
    values: NDArray[np.float64],
    first: int,
    nodes: Sequence[str] | None = None,
    better: str = "higher",
    comparison: str = "relative",
) -> Iterator[Alert]:
    """Judges the series every night from `first` on; yields what is new."""
    nodes = nodes or [""] * len(values)
    known: dict[str, int] = {}
    for night in range(first, len(values)):
        said = judge(values[: night + 1], nodes[: night + 1], better, comparison)
        found = {
            kind: change
            for kind in ("regression", "improvement", "change")
            if (change := getattr(said, kind)) is not None
        }
        for kind, change in found.items():
            if kind not in known or abs(known[kind] - change.start) > SAME:
                yield Alert(night, kind, change)
        known = {kind: change.start for kind, change in found.items()}
