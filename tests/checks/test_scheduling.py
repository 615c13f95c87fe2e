"""ReFrame waits for a job as long as it may run, and no longer; a login node is known as one, a job
that never started as well, and the version of a scheduler."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import reframe.core.schedulers.slurm as slurm

from checks.base import scheduling


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's reading of the states, taken back after each test."""
    for name in ("slurm_state_completed", "slurm_state_pending"):
        monkeypatch.setattr(slurm, name, getattr(slurm, name))

    monkeypatch.setattr(slurm._SlurmJob, "nodelist", slurm._SlurmJob.nodelist)

    scheduling.install()


@pytest.mark.parametrize("state", ["PREEMPTED", "REVOKED", "TIMEOUT", "COMPLETED,PREEMPTED"])
def test_a_final_state_is_an_end(state: str) -> None:
    assert slurm.slurm_state_completed(state)
    assert not slurm.slurm_state_pending(state)


@pytest.mark.parametrize("state", ["PENDING", "PENDING,PREEMPTED", "COMPLETING"])
def test_what_waits_is_no_end(state: str) -> None:
    assert not slurm.slurm_state_completed(state)
    assert slurm.slurm_state_pending(state)


@pytest.mark.parametrize("state", ["RUNNING", "RUNNING,PREEMPTED", "", None])
def test_what_runs_or_is_unknown_is_neither(state: str | None) -> None:
    assert not slurm.slurm_state_completed(state)
    assert not slurm.slurm_state_pending(state)


@pytest.mark.parametrize("answer", [OSError(), subprocess.TimeoutExpired("sinfo", 20)])
def test_a_scheduler_that_does_not_answer_is_still_one_where_its_commands_are(
    monkeypatch: pytest.MonkeyPatch, answer: Exception
) -> None:
    def run(command: list[str], *, timeout: float, **_options: Any) -> None:
        assert (command, timeout > 0) == (["sinfo"], True)
        raise answer

    monkeypatch.setattr(scheduling.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(scheduling.subprocess, "run", run)
    assert scheduling.is_login_node()
    monkeypatch.setattr(scheduling.shutil, "which", lambda name: None)
    assert not scheduling.is_login_node()


@pytest.mark.parametrize("nodes", [None, "", "None assigned", "(null)"])
def test_a_job_without_nodes_has_none_of_that_name(nodes: str | None) -> None:
    job = slurm._SlurmJob("job")
    job._state, job._nodespec = "CANCELLED", nodes
    assert job.nodelist == []


def job(nodes: list[str], jobid: str | None = "7") -> SimpleNamespace:
    """A job as a scheduler of ReFrame's describes it."""
    return SimpleNamespace(jobid=jobid, stdout="rfm_job.out", nodelist=nodes)


def test_a_job_has_started_where_it_wrote_or_was_given_nodes(tmp_path: Path) -> None:
    folder = str(tmp_path)
    assert not scheduling.has_started(None, folder)
    assert not scheduling.has_started(job(["n1"], jobid=None), folder)
    assert not scheduling.has_started(job([]), folder)
    assert scheduling.has_started(job(["n1"]), folder)
    (tmp_path / "rfm_job.out").touch()
    assert scheduling.has_started(job([]), folder)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The commands by which versions are asked for, each answered by the test."""
    scheduling.version.cache_clear()
    commands: list[list[str]] = []
    yield commands
    scheduling.version.cache_clear()


@pytest.mark.parametrize(
    ("scheduler", "answer", "version"),
    [
        ("slurm", ("slurm 23.11.4\n", "", 0), "slurm 23.11.4"),
        ("squeue", ("slurm 23.11.4\n", "", 0), "slurm 23.11.4"),
        ("torque", ("", "Version: 6.1.3\nCommit: 1\n", 0), "Version: 6.1.3"),
        ("pbs", ("pbs_version = 20|1\n", "", 0), "pbs_version = 20/1"),
        ("pbspro", ("", "", 0), ""),
        ("slurm", ("slurm 23.11.4\n", "sinfo: fatal: no cluster", 1), ""),
        ("slurm", OSError(), ""),
        ("slurm", subprocess.TimeoutExpired("sinfo", 20), ""),
    ],
)
def test_a_scheduler_is_asked_for_its_version_once(
    monkeypatch: pytest.MonkeyPatch,
    asked: list[list[str]],
    scheduler: str,
    answer: Any,
    version: str,
) -> None:
    def run(command: list[str], *, timeout: float, **_options: Any) -> SimpleNamespace:
        assert timeout > 0
        asked.append([*command])
        if isinstance(answer, Exception):
            raise answer

        return SimpleNamespace(**dict(zip(("stdout", "stderr", "returncode"), answer, strict=True)))

    monkeypatch.setattr(scheduling.subprocess, "run", run)
    assert [scheduling.version(scheduler), scheduling.version(scheduler)] == [version, version]
    assert asked == [["sinfo" if scheduler in ("slurm", "squeue") else "qstat", "--version"]]


def test_without_a_batch_scheduler_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, asked: list[list[str]]
) -> None:
    monkeypatch.setattr(scheduling.subprocess, "run", lambda command, **_: asked.append(command))
    assert scheduling.version("local") == scheduling.version("ssh") == ""
    assert asked == []
