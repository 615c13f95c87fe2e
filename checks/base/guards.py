"""Turns red what ReFrame 4.10.4 lets pass as green around the cases themselves.

Five guards, installed by `checks/__init__.py`:

* a warning while checks are loaded is an error: ReFrame drops the file, the class, the fixture or
  the dependent case that it warns about, and passes without it;
* a session that judged nothing, skipped something, was told to judge nothing or to share its nodes
  fails, and so does one whose failures went green on a second try; a dry run leaves no record that
  anything passed;
* on a local scheduler one case runs at a time, because measured figures must not overlap;
* cases that computed something else than their equals on other nodes fail (fleet.py);
* `--distribute`, which gives a case of several nodes to every single node, leaves such cases out,
  and fails for nodes that it leaves out unless it is told which state they must be in.
"""

import functools
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import reframe.core.logging as rfm_logging
from reframe.core.exceptions import (
    ReframeError,
    ReframeFatalError,
    RunSessionTimeout,
    WarningAsError,
)
from reframe.core.runtime import runtime
from reframe.frontend import cli
from reframe.frontend.executors import Runner

from checks.base import fleet, geometry

# `-S model=...` and `-P pipeline=...` are meant for the classes that have such a variable or
# parameter; ReFrame warns about each case without it, and that is an error only where no selected
# class has it.
_MEANT_FOR_OTHERS = (
    (
        re.compile(r"test '(?P<test>\w+)': the following variables were not set: (?P<names>.*)"),
        "-S {}=...: no selected test has a variable of this name",
    ),
    (
        re.compile(r"'(?P<names>\w+)' is neither a variable nor a .* of test '(?P<test>\w+)"),
        "-P {}=...: neither a variable nor a parameter of any selected test",
    ),
)


class NothingJudged(ReframeError):
    """A session that ReFrame would call passed although it says nothing about the machine."""


class _Session:
    """What the guards remember between loading and running."""

    guarded = False
    original_warning: Callable[..., None] | None = None
    tests_without: dict[str, set[str]] = {}
    retries_allowed = False
    left_out: dict[str, str] = {}
    unjudged_nodes: list[str] = []


def install() -> None:
    """Installs the guards; a second call changes nothing. Without a ReFrame session (a unit test
    that imports a base module) only the runner is guarded."""
    if not _Session.guarded:
        Runner.runall = _guarded(Runner.runall)
        Runner._runall = _compared(Runner._runall)
        cli.distribute_tests = _on_single_nodes(cli.distribute_tests)
        _Session.guarded = True

    try:
        session = runtime()
    except ReframeFatalError:
        return

    session.site_config.add_sticky_option("systems/max_local_jobs", 1)
    _refuse_warnings()


def is_retry() -> bool:
    """Whether the running case is the second try of a failed one (`--max-retries`)."""
    return _Session.retries_allowed and runtime().current_run > 0


def leave_out(what: str, why: str) -> None:
    """Lets the session say that it runs without `what`, and why."""
    _Session.left_out[what] = why


def _refuse_warnings() -> None:
    logger = rfm_logging.getlogger()
    if _Session.original_warning is not None:
        return

    _Session.original_warning = logger.warning

    def refuse(message: Any, *_args: Any, **_options: Any) -> None:
        for pattern, complaint in _MEANT_FOR_OTHERS:
            found = pattern.match(str(message))
            if found:
                for name in re.findall(r"\w+", found["names"]):
                    without = _Session.tests_without.setdefault(complaint.format(name), set())
                    without.add(found["test"])

                return

        raise WarningAsError(message)

    logger.warning = refuse


def _allow_warnings() -> None:
    if _Session.original_warning is not None:
        rfm_logging.getlogger().warning = _Session.original_warning
        _Session.original_warning = None


def _guarded(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def runall(self: Runner, testcases: list[Any], restored_cases: Any = None) -> None:
        _allow_warnings()
        # First of all: it may be why no test case was selected.
        for what, why in _Session.left_out.items():
            self._printer.info(f"left out: {what}: {why}")

        if self.policy.skip_sanity_check or self.policy.skip_performance_check:
            raise NothingJudged("--skip-*-check leaves results or figures unjudged: run without it")

        if not testcases:
            raise NothingJudged(
                "no test case was selected: see the selection with `--list`, and what this system "
                "offers with `--show-config=systems/0/partitions`"
            )

        if not all(each.check.strict_check for each in testcases):
            raise NothingJudged("strict_check=no lets missed references pass: run without it")

        if not all(_is_alone(each.check) for each in testcases):
            raise NothingJudged(
                "exclusive_access=no measures beside other jobs on the node: run without it"
            )

        _require_known_variables(testcases)
        if self.policy.dry_run_mode:
            # ReFrame would log every case of a dry run as passed.
            rfm_logging._perf_logger = None

        _Session.retries_allowed = self.max_retries > 0
        try:
            original(self, testcases, restored_cases)
        except RunSessionTimeout:
            _require_judgement(self.stats.tasks(None))
            raise

        _require_judgement(self.stats.tasks(None))

    return runall


def _compared(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def runall(self: Runner, testcases: list[Any]) -> None:
        # Before ReFrame counts the failures.
        original(self, testcases)
        for task, reason in fleet.judge(self.stats.tasks(None)):
            self._printer.status("FAIL", f"{task.info()}: {reason}", just="right")

    return runall


def _on_single_nodes(original: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    @functools.wraps(original)
    def distribute(testcases: list[Any], node_map: dict[str, list[str]]) -> list[Any]:
        single = [each for each in testcases if not _takes_several_nodes(each)]
        if len(single) < len(testcases):
            leave_out(
                f"{len(testcases) - len(single)} case(s) of several nodes",
                "--distribute runs each case on every single node; run them without it",
            )

        for partition in {each.partition.fullname: each.partition for each in single}.values():
            held, found = geometry.num_nodes(partition), len(node_map[partition.fullname])
            if found < held:
                unjudged = f"{held - found} of the {held} nodes of {partition.fullname}"
                leave_out(
                    unjudged,
                    "they are not in the state that --distribute asks for; `all` takes every one",
                )
                if not _names_a_state(sys.argv[1:]):
                    _Session.unjudged_nodes.append(unjudged)

        return original(single, node_map)

    return distribute


def _is_alone(check: Any) -> bool:
    is_ours = hasattr(check, "workload")
    return check.exclusive_access is True or not is_ours


def _names_a_state(words: list[str]) -> bool:
    # `--distribute` alone means idle nodes, which ReFrame no longer tells from `--distribute=idle`.
    for word, following in zip(words, [*words[1:], "-"], strict=True):
        if word.startswith("--dist"):
            return "=" in word or not following.startswith("-")

    return False


def _takes_several_nodes(testcase: Any) -> bool:
    check = testcase.check
    if not hasattr(check, "layout_on"):
        return False

    layout = check.layout_on(testcase.partition)
    return layout is not None and layout.num_nodes > 1


def _require_known_variables(testcases: list[Any]) -> None:
    selected = {type(each.check).__name__ for each in testcases if not each.check.is_fixture()}
    for complaint, without in _Session.tests_without.items():
        if selected <= without:
            raise NothingJudged(complaint)


def _require_judgement(tasks: Iterable[Any]) -> None:
    tasks = list(tasks)
    if any(task.failed for task in tasks):
        if _Session.retries_allowed:
            raise NothingJudged("a retry does not turn a failure into a pass: the first one stands")

        return

    skipped = sorted({task.info() for task in tasks if task.skipped})
    if skipped:
        raise NothingJudged(f"skipped, not judged: {', '.join(skipped)}")

    if not any(task.completed for task in tasks):
        raise NothingJudged(f"none of the {len(tasks)} test case(s) came to a result")

    if _Session.unjudged_nodes:
        raise NothingJudged(
            f"not judged: {', '.join(_Session.unjudged_nodes)}: --distribute takes idle ones "
            "alone; --distribute=all waits for the others, --distribute=idle does without them"
        )
