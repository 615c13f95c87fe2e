"""Verdicts on simulated histories, with nothing acknowledged."""

from datetime import date

from simulated_history import Run, history, morning_after

from perflogs.judging.finding import Finding
from perflogs.judging.verdict import Verdict, reach_verdict


def verdict(*runs: Run, since: date | None = None, today: date | None = None) -> Verdict:
    """The verdict on these runs, as of the morning after them or of another day."""
    return reach_verdict(history(runs), {}, today or morning_after(runs), since)


def findings_of(state: str, *runs: Run) -> list[Finding]:
    """The findings of one kind in the verdict on these runs."""
    return [each for each in verdict(*runs).findings if each.state == state]


def failed(name: str = "Train", night: int = 0, **fields: object) -> Run:
    """A run that failed."""
    given = {"fail_phase": "sanity", "failure_class": "run", "fail_reason": "run: exit code 1"}
    return Run(name=name, night=night, figures={}, result="fail", **{**given, **fields})  # type: ignore[arg-type]
