"""An interruption, whenever it comes, forgets no job that was submitted."""

import os
import signal
from types import SimpleNamespace

import pytest

from systems.probing import round as probing
from systems.probing.job import Questions

NUMBERS = {"gpu": "7", "debug": "8"}


class Scheduler:
    """The jobs of a scheduler, and the moment of the interruption."""

    def __init__(self, moment, refuses=()):
        self.moment, self.refuses, self.queue, self.told = moment, refuses, [], []

    def reaches(self, moment):
        if moment == self.moment:
            self.moment = None
            os.kill(os.getpid(), signal.SIGTERM)

    def tell(self, text):
        self.told.append(text)
        self.reaches(f"told {text}")

    def job(self, partition, workspace):
        return Job(self, partition.name, workspace)


class Job:
    """As ProbeJob, with a scheduler of this process; it never answers."""

    def __init__(self, scheduler, name, workspace):
        self.scheduler, self.name, self.workspace = scheduler, name, workspace
        self.number, self.state, self.failure, self.ended = "", "pending", "", False

    def submit(self, questions):
        self.workspace.mkdir()
        self.scheduler.reaches(f"before {self.name} is queued")
        self.scheduler.queue.append(NUMBERS[self.name])
        self.scheduler.reaches(f"before the number of {self.name} is known")
        self.number = NUMBERS[self.name]

    def poll(self):
        self.scheduler.reaches(f"polled {self.name}")

    def cancel(self, reason):
        self.failure, self.ended = reason, True
        if self.number in self.scheduler.refuses:
            self.failure += f"; job {self.number} could not be cancelled"
        else:
            self.scheduler.queue.remove(self.number)


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Runs a round that is interrupted at a moment: the scheduler, and the folder of the jobs."""
    kept = signal.signal(signal.SIGTERM, signal.default_int_handler)
    workspace = tmp_path / "probing-1"
    workspace.mkdir()
    monkeypatch.setattr(probing, "_workspace", lambda: workspace)

    def run(scheduler):
        monkeypatch.setattr(probing, "ProbeJob", scheduler.job)
        asked = {name: (SimpleNamespace(name=name), Questions()) for name in NUMBERS}
        with pytest.raises(KeyboardInterrupt):
            probing.probe(asked, 5, scheduler.tell)
        return workspace

    yield run
    signal.signal(signal.SIGTERM, kept)


MOMENTS = [
    "before gpu is queued",
    "before the number of gpu is known",
    "told probing gpu: job 7 is submitted",
    "before the number of debug is known",
    "told probing debug: job 8 is submitted",
    "polled gpu",
    "told probing debug: job 8 is pending",
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_job_that_was_submitted_is_cancelled_and_its_folder_is_gone(probe, moment):
    scheduler = Scheduler(moment)
    workspace = probe(scheduler)
    assert scheduler.moment is None
    assert scheduler.queue == []
    assert not workspace.exists()
    assert "probing gpu: interrupted" in scheduler.told


def test_a_job_that_cannot_be_cancelled_is_named_and_keeps_no_other_from_it(probe):
    scheduler = Scheduler("polled debug", refuses=["7"])
    probe(scheduler)
    assert scheduler.queue == ["7"]
    assert "probing gpu: interrupted; job 7 could not be cancelled" in scheduler.told
    assert "probing debug: interrupted" in scheduler.told
