"""Lets every case that failed stand in the performance log, with whose failure it is and why.

ReFrame 4.10.4 logs what came as far as the sanity stage. Of a case that failed before, that waited
for a failed one, or at whose failure the session gave up, it logs nothing, and of one without any
figure no line where there is a line for each figure."""

import functools
from collections.abc import Callable
from typing import Any

import reframe.core.logging as rfm_logging
from reframe.core.exceptions import (
    FailureLimitError,
    JobError,
    JobSchedulerError,
    PerformanceError,
    ReframeError,
    RunSessionTimeout,
    SanityError,
    SpawnedProcessError,
    what,
)
from reframe.frontend.executors import RegressionTask

from checks.base import images, scheduling
from checks.base.references import ReferencesError
from checks.base.sanity import (
    INPUT,
    JUDGEMENT,
    NOT_SCHEDULED,
    REFERENCE,
    SCHEDULER,
    SUITE,
    one_line,
)

_BEFORE_THE_JOB = ("setup", "compile", "compile_wait", "run")
# As ReFrame logs a figure that was not measured: value, reference, bounds, unit, result.
_NOT_MEASURED = (None, 0, None, None, "", None)
_SCHEDULING_ERRORS = (JobError, JobSchedulerError, SpawnedProcessError)


class _State:
    """Whether ReFrame has been changed already."""

    installed = False


def install() -> None:
    """Lets ReFrame log every failure; a second call changes nothing."""
    if not _State.installed:
        RegressionTask.log_result = _explained(RegressionTask.log_result)
        RegressionTask.do_skip = _logged_when_skipped(RegressionTask.do_skip)
        RegressionTask.fail = _logged_at_the_limit(RegressionTask.fail)
        _State.installed = True


def failure_class(task: Any) -> str:
    """Whose failure it is that a task of ReFrame did not succeed."""
    error = task.exc_info[1]
    if task.check.failure_class:
        return str(task.check.failure_class)

    if task.skipped:
        return str(_failed_dependency(task).failure_class)

    if task.aborted:
        # Of an assertion in a check ReFrame makes the end of the whole session.
        return SUITE if isinstance(error.__cause__, AssertionError) else _of_the_job(task.check)

    if task.failed_stage in ("run", "run_wait") and isinstance(error, _SCHEDULING_ERRORS):
        return _of_the_job(task.check)

    if task.failed_stage in ("sanity", "performance"):
        kinds = {SanityError: JUDGEMENT, PerformanceError: REFERENCE}
        return kinds.get(type(error), SUITE)

    is_refusal = isinstance(error, ReframeError | ReferencesError)
    return INPUT if is_refusal and task.failed_stage in _BEFORE_THE_JOB else SUITE


def _of_the_job(check: Any) -> str:
    return SCHEDULER if scheduling.has_started(check.job, check.stagedir) else NOT_SCHEDULED


def _failed_dependency(task: Any) -> Any:
    """The check that failed first of those that a task needs; None where none of them did."""
    needed = (each.check for each in task.testcase.deps)
    return next((check for check in needed if getattr(check, "failure_class", "")), None)


def _reason(task: Any) -> str:
    if task.skipped:
        return one_line(f"it needs {_failed_dependency(task).display_name}, which failed")

    return one_line(what(*task.exc_info))


def _is_ours(task: Any) -> bool:
    return hasattr(task.check, "failure_class")


def _explained(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def log_result(self: RegressionTask) -> None:
        if _is_ours(self) and not self.succeeded:
            self.check.failure_class = failure_class(self)
            self.check.failure_reason = _reason(self)
            _make_loggable(self)

        original(self)

    return log_result


def _logged_when_skipped(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def do_skip(self: RegressionTask, message: str) -> None:
        original(self, message)
        if _is_ours(self) and _failed_dependency(self) is not None:
            # Also where the one that failed is a dependency's dependency, which ReFrame forgets.
            self._failed_deps = True
            self.log_result()

    return do_skip


def _logged_at_the_limit(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def fail(self: RegressionTask, *arguments: Any, **options: Any) -> None:
        try:
            original(self, *arguments, **options)
        except (FailureLimitError, RunSessionTimeout):
            # Whoever is told of the failure ends the session before it is logged.
            if _is_ours(self):
                self.log_result()

            raise

    return fail


def _make_loggable(task: Any) -> None:
    check = task.check
    if task._perflogger is rfm_logging.null_logger:
        task._perflogger = rfm_logging.getperflogger(check)

    if check.current_partition is None:
        # It failed before ReFrame told it where it is, by which the log is named.
        check._current_partition = task.testcase.partition
        check._current_environ = task.testcase.environ
        if hasattr(check, "container"):
            check.container = images.chosen(check.container, task.testcase.partition)

    if not check.perfvalues and hasattr(check, "reference_keys"):
        # They are columns in ReFrame's own format, and a log with other columns is another file.
        place = task.testcase.partition.fullname
        for name in check.metrics:
            check._perfvalues[f"{place}:{name}"] = [*_NOT_MEASURED]
