"""Reads the run report that ReFrame writes for a session, and judges the session by it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perflogs.exit_codes import CLEAN, FAILED, NOT_JUDGED

_GREEN = {"pass", "xfail"}


class UnusableReport(ValueError):
    """A file that is not a run report; the message says what to do."""


@dataclass(frozen=True)
class Case:
    """One test case of one run. `metrics` holds value and unit of each figure that there is,
    `seconds` is the time from handing the job to the scheduler to its end."""

    name: str
    unique_name: str
    hashcode: str
    place: tuple[str, str, str]
    result: str
    reason: str
    run: int
    seconds: float | None
    is_fixture: bool
    needs: tuple[str, ...]
    metrics: dict[str, tuple[float, str]] = field(default_factory=dict)
    measured: bool = True
    #: The node that `--distribute` has pinned the case to; empty for every other case.
    pinned_to: str = ""

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters in the name of the case, which are the key of its history."""
        return dict(each.strip().split("=", 1) for each in self.name.split(" %")[1:])

    @property
    def judged(self) -> bool:
        """Whether the result says something about the machine: not skipped, not a dry run."""
        return self.measured and self.result not in {"skip", "fail_deps", "abort"}

    @property
    def green(self) -> bool:
        """Whether the case is judged and passed."""
        return self.judged and self.result in _GREEN


@dataclass(frozen=True)
class Session:
    """All cases of a session, and the facts about it that ReFrame recorded (`info`)."""

    path: Path
    info: dict[str, Any]
    cases: list[Case]

    @property
    def exit_code(self) -> int:
        """0 where every case passed, 3 where one did not, 4 where none could be judged."""
        tests = [case for case in self.cases if not case.is_fixture]
        if any(case.result in {"fail", "xpass", "abort"} for case in self.cases):
            return FAILED

        if not any(case.judged for case in tests):
            return NOT_JUDGED

        return CLEAN if all(case.green for case in tests) else FAILED


def read_report(path: Path) -> Session:
    """Reads a run report. Raises UnusableReport where there is none, or it is something else."""
    try:
        report = json.loads(path.read_text())
    except FileNotFoundError:
        raise UnusableReport(
            f"no run report at {path}: run `reframe -c checks -r` first, or name a report"
        ) from None
    except (OSError, ValueError) as error:
        raise UnusableReport(f"{path} is not a run report of ReFrame: {error}") from None

    try:
        info = dict(report["session_info"])
        cases = [_case(each) for run in report["runs"] for each in run["testcases"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableReport(
            f"{path} is not a run report of ReFrame 4.10: {type(error).__name__}: {error}"
        ) from None

    return Session(path, info, cases)


def _case(entry: dict[str, Any]) -> Case:
    perfvalues = entry["perfvalues"]
    metrics = {
        variable.rsplit(":", 1)[-1]: (values[0], values[4])
        for variable, values in perfvalues.items()
        if values[0] is not None
    }
    return Case(
        name=entry["name"],
        unique_name=entry["unique_name"],
        hashcode=entry["hashcode"],
        place=(entry["system"], entry["partition"], entry["environ"]),
        result=entry["result"],
        reason=_reason(entry),
        run=entry["run_index"],
        seconds=_seconds(entry),
        is_fixture=entry["fixture"],
        needs=tuple(name for name, *_ in entry["dependencies_actual"]),
        metrics=metrics,
        # A dry run passes with figures that have no value.
        measured=bool(metrics) or not perfvalues or entry["result"] not in _GREEN,
        pinned_to=_pinned_to(entry),
    )


def _pinned_to(entry: dict[str, Any]) -> str:
    # ReFrame leaves the parameters that its own options add out of the name.
    shown = entry["display_name"].split(" %")
    return next((each.removeprefix(".nid=") for each in shown if each.startswith(".nid=")), "")


def _seconds(entry: dict[str, Any]) -> float | None:
    # ReFrame's own `time_run` ends when the stage directory is cleaned, after all dependents.
    submitted, completed = entry["job_submit_time"], entry["job_completion_time_unix"]
    return None if submitted is None or completed is None else completed - submitted


def _reason(entry: dict[str, Any]) -> str:
    if entry["result"] in {"skip", "fail_deps"}:
        return "not run: a case that it needs did not pass"

    text = " ".join(str(entry["fail_reason"] or "").split())
    phase = entry["fail_phase"]
    return text if not phase or text.startswith(phase) else f"{phase}: {text}"
