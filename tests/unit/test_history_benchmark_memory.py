"""The memory of a benchmark's processes: what has just ended hides nothing of the others."""

from types import SimpleNamespace

import psutil
import pytest

from tests.benchmarks._shared import memory


class Process:
    """A process that holds so many bytes; one without has just ended."""

    def __init__(self, held, *children):
        self.held, self.below = held, [*children]

    def _require_alive(self):
        if self.held is None:
            raise psutil.NoSuchProcess(1)

    def children(self, recursive):
        self._require_alive()
        return self.below

    def memory_full_info(self):
        self._require_alive()
        return SimpleNamespace(pss=self.held)

    def cpu_times(self):
        return SimpleNamespace(user=1.0, system=0.5, children_user=0.25, children_system=0.25)


@pytest.mark.parametrize(
    ("process", "held", "cpu"),
    [
        (Process(100), 100, 2.0),
        (Process(100, Process(20), Process(3)), 123, 6.0),
        (Process(100, Process(None), Process(3)), 103, 4.0),
        (Process(None), 0, 0.0),
    ],
    ids=["alone", "two children", "a child that has ended", "ended"],
)
def test_all_that_are_there_are_counted(process, held, cpu):
    assert memory._of(process) == (held, cpu)
