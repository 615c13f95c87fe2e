"""ReFrame waits for a job as long as it may run, and no longer; a login node is known as one."""

import subprocess
from typing import Any

import pytest
import reframe.core.schedulers.slurm as slurm

from checks.base import scheduling


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's reading of the states, taken back after each test."""
    for name in ("slurm_state_completed", "slurm_state_pending"):
        monkeypatch.setattr(slurm, name, getattr(slurm, name))

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
