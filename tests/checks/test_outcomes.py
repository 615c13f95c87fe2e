"""Every case that failed stands in the performance log, with whose failure it is and why."""

import signal
from typing import Any

import pytest
from fake_checkout import FAKE_CHECK, Checkout
from fake_schedulers import place_scheduler

SETTINGS = {"RFM_CONFIG_PATH": "systems"}
METRICS = ["throughput", "validation_accuracy", "loss_step100"]
REFUSAL = "from reframe.core.exceptions import ReframeError; raise ReframeError('no | scratch')"
REFERENCE = """
default:
  FakeTrain:
    - case: {preset: smoke, num_gpus: 0, cpu_nodes: 1, process_per: node, storage: local,
        stage_to_scratch: false, container: none}
      source: a night
      runs: 1
      references:
        throughput: {value: 2000, lower: -0.1, upper: null, unit: images/s}
"""
# Three stages, each of which waits for the one before it.
CHAIN = """
import reframe as rfm
import reframe.core.builtins as builtins
from reframe.utility import udeps
from checks.base.workload_check import WorkloadCheck


class Stage(WorkloadCheck):
    workload = "fake"
    metrics = ("throughput",)
    before = ""

    @builtins.run_after("init")
    def wait(self):
        if self.before:
            name = self.unique_name.replace(type(self).__name__, self.before)
            self.depends_on(name, udeps.by_case)


@rfm.simple_test
class First(Stage):
    stage = "first"


@rfm.simple_test
class Second(Stage):
    stage = "second"
    before = "First"


@rfm.simple_test
class Third(Stage):
    stage = "third"
    before = "Second"
"""


def fail_in(checkout: Checkout, hook: str, fault: str) -> None:
    """Lets the fake check do something at a point of its life."""
    method = f"\n    @{hook}\n    def go_wrong(self):\n        {fault}\n"
    checkout.write("checks/fake.py", FAKE_CHECK + method)


def outcome(row: dict[str, str]) -> tuple[str, str, str]:
    """Result, phase and class of a row."""
    return row["result"], row["fail_phase"], row["failure_class"]


BEFORE_ANY_FIGURE = {
    "a setting that cannot be used": (
        "run_after('setup')",
        REFUSAL,
        ("fail", "setup", "input"),
        "no / scratch",
    ),
    "a setting that cannot be used, before setup": (
        "run_before('setup')",
        REFUSAL,
        ("fail", "setup", "input"),
        "no / scratch",
    ),
    "an error of the suite": (
        "run_after('setup')",
        "{}['nothing']",
        ("fail", "setup", "suite"),
        "key error: 'nothing'",
    ),
    "an error of the suite, before the job": (
        "run_before('run')",
        "raise TypeError('of\\nlines')",
        ("fail", "run", "suite"),
        "type error: of lines",
    ),
    "an assertion of the suite": (
        "run_before('run')",
        "assert self is None",
        ("abort", "run", "suite"),
        "aborted due to AssertionError",
    ),
}


@pytest.mark.parametrize("fault", BEFORE_ANY_FIGURE)
def test_a_case_that_failed_before_its_job_leaves_one_row_without_figures(
    checkout: Checkout, fault: str
) -> None:
    hook, body, expected, reason = BEFORE_ANY_FIGURE[fault]
    fail_in(checkout, hook, body)
    assert checkout.reframe("-r", **SETTINGS).code == 1
    [row] = checkout.perflog()
    assert outcome(row) == expected
    assert reason in row["failure_reason"]
    assert (row["perf_var"], row["perf_value"], row["perf_unit"]) == ("null", "null", "null")
    assert (row["system"], row["partition"], row["environ"]) == ("generic", "default", "builtin")
    assert row["campaign"] == "ad hoc"
    assert row["asctime"].startswith("20")
    [case] = checkout.report()["runs"][0]["testcases"]
    assert case["failure_class"] == expected[2]
    assert case["failure_reason"] == row["failure_reason"]


AFTER_THE_JOB = {
    "sanity": ({"metrics": {"throughput": None}}, None, "judgement", "throughput is missing"),
    "an exit code": ({"exit_code": 3, "stderr": "error: a|b"}, None, "run", "exit code 3: a/b"),
    "an error in judging": ({}, "run_before('sanity')", "suite", "key error: 'x'"),
    "a refusal in judging": ({}, "run_after('sanity')", "judgement", "sanity error: not so"),
}


@pytest.mark.parametrize("fault", AFTER_THE_JOB)
def test_a_case_that_failed_in_sanity_leaves_a_row_without_value_for_each_metric(
    checkout: Checkout, fault: str
) -> None:
    fake, hook, kind, reason = AFTER_THE_JOB[fault]
    if hook:
        refusal = "from reframe.core.exceptions import SanityError; raise SanityError('not so')"
        fail_in(checkout, hook, refusal if kind == "judgement" else "{}['x']")

    assert checkout.reframe("-r", fake=fake, **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [row["perf_var"] for row in rows] == METRICS
    for row in rows:
        assert outcome(row) == ("fail", "sanity", kind)
        assert reason in row["failure_reason"]
        assert row["perf_value"] == "null"
        assert row["jobid"] != "null"


def test_a_missed_reference_leaves_all_figures_and_a_class_of_its_own(checkout: Checkout) -> None:
    checkout.write("systems/references/generic.yaml", REFERENCE)
    assert checkout.reframe("-r", **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [row["perf_value"] for row in rows] == ["1000.0", "0.95", "0.25"]
    assert [row["perf_result"] for row in rows] == ["fail", "pass", "pass"]
    for row in rows:
        assert outcome(row) == ("fail", "performance", "reference")
        assert "throughput=1000.0 images/s, expected 2000" in row["failure_reason"]


def test_an_error_in_comparing_is_the_suite_s_and_leaves_its_rows(checkout: Checkout) -> None:
    fail_in(checkout, "run_before('performance')", "{}['x']")
    assert checkout.reframe("-r", **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [row["perf_var"] for row in rows] == METRICS
    assert {outcome(row) for row in rows} == {("fail", "performance", "suite")}


def test_a_failure_in_cleaning_up_has_the_last_word(checkout: Checkout) -> None:
    fail_in(checkout, "run_before('cleanup')", "raise OSError('the disk is full')")
    assert checkout.reframe("-r", **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [row["failure_class"] for row in rows] == [""] * 3 + ["suite"] * 3
    assert outcome(rows[-1]) == ("fail", "cleanup", "suite")


def test_a_reference_file_that_is_malformed_is_input(checkout: Checkout) -> None:
    checkout.write("systems/references/generic.yaml", REFERENCE.replace("2000", "fast"))
    assert checkout.reframe("-r", **SETTINGS).code == 1
    [row] = checkout.perflog()
    assert outcome(row) == ("fail", "setup", "input")
    assert "a number is expected, not 'fast'" in row["failure_reason"]
    # What references would have been looked for stands there although none was found.
    assert '"preset": "smoke"' in row["reference_case"]


def test_a_retry_has_a_class_too(checkout: Checkout) -> None:
    fake = {"exit_code": 1, "stderr": "error: flaky"}
    assert checkout.reframe("-r", "--max-retries=1", fake=fake, **SETTINGS).code == 1
    classes = [row["failure_class"] for row in checkout.perflog()]
    assert classes == ["run"] * 3 + ["judgement"] * 3


@pytest.mark.parametrize("policy", ["serial", "async"])
def test_what_waits_for_a_failed_case_is_there_with_the_class_of_that(
    checkout: Checkout, policy: str
) -> None:
    checkout.write("checks/fake.py", CHAIN)
    fake = {"first": {"exit_code": 2, "stderr": "error: there is no folder /data"}}
    ended = checkout.reframe("-r", f"--exec-policy={policy}", fake=fake, **SETTINGS)
    assert ended.code == 1
    [first] = checkout.perflog("First")
    assert outcome(first) == ("fail", "sanity", "input")
    for name, needed in (("Second", "First"), ("Third", "Second")):
        [row] = checkout.perflog(name)
        assert outcome(row) == ("fail_deps", "startup", "input")
        assert row["failure_reason"].startswith(f"it needs {needed} %num_gpus=0")
        assert row["failure_reason"].endswith(", which failed")
        assert row["perf_var"] == "null"

    results = [case["result"] for case in checkout.report()["runs"][0]["testcases"]]
    assert results == ["fail", "fail_deps", "fail_deps"]


@pytest.mark.parametrize("policy", ["serial", "async"])
def test_the_failure_at_which_a_session_gives_up_is_there(checkout: Checkout, policy: str) -> None:
    options = ("-r", f"--exec-policy={policy}", "--maxfail=1", "-P", "preset=tiny,smoke,nightly")
    fake = {"exit_code": 1, "stderr": "error: x"}
    assert checkout.reframe(*options, fake=fake, **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [outcome(row) for row in rows[:3]] == [("fail", "sanity", "run")] * 3
    started = {row["jobid"] != "null": row["failure_class"] for row in rows[3:]}
    # ReFrame itself forgets what one policy had not begun.
    assert started == ({} if policy == "serial" else {True: "scheduler", False: "not scheduled"})


def test_a_session_that_is_ended_tells_what_ran_from_what_never_did(checkout: Checkout) -> None:
    fail_in(checkout, "run_after('run')", f"import os; os.kill(os.getpid(), {signal.SIGTERM:d})")
    options = ("-r", "-P", "preset=tiny,smoke")
    assert checkout.reframe(*options, **SETTINGS).code == 1
    rows = checkout.perflog()
    assert [(row["result"], row["failure_class"]) for row in rows] == [
        ("abort", "scheduler"),
        ("abort", "not scheduled"),
    ]
    assert {row["failure_reason"] for row in rows} == {"aborted due to ForceExitError"}


def test_a_job_over_its_time_limit_was_scheduled(checkout: Checkout) -> None:
    fail_in(checkout, "run_after('init')", "self.time_limit = 0.2")
    assert checkout.reframe("-r", fake={"seconds": 10}, **SETTINGS).code == 1
    [row] = checkout.perflog()
    assert outcome(row) == ("fail", "run", "scheduler")
    assert "job error: " in row["failure_reason"]


NEVER_STARTED = {
    "refused": (
        {"REFUSED": "1", "ANSWER": "sbatch: error: invalid partition | specified: cpu"},
        ("fail", "run", "not scheduled"),
        "sbatch: error: invalid partition / specified: cpu",
    ),
    "cancelled while it waited": (
        {"CANCELLED": "1"},
        ("fail", "sanity", "not scheduled"),
        "not scheduled: the job never started: the job was cancelled",
    ),
    "pending for too long": (
        {},
        ("fail", "sanity", "not scheduled"),
        "which was in the queue for longer than max_pending_time",
    ),
    "blocked for a reason that is given up on": (
        {"REASON": "ReqNodeNotAvail, UnavailableNodes:n7"},
        ("fail", "run", "not scheduled"),
        "job cancelled because it was blocked due to reason: ReqNodeNotAvail",
    ),
    "no word of a scheduler": (
        {"REFUSED": "127", "ANSWER": "sbatch: not found"},
        ("fail", "run", "not scheduled"),
        "exit code 127",
    ),
}


@pytest.mark.parametrize("end", NEVER_STARTED)
def test_a_job_that_never_started_is_not_one_that_ran_and_failed(
    checkout: Checkout, end: str
) -> None:
    answers, expected, reason = NEVER_STARTED[end]
    environment = {**place_scheduler(checkout, "slurm"), **answers}
    options = ("-r", "-n", "%cpu_nodes=1%", "-S", "max_pending_time=1s")
    ended = checkout.reframe(*options, **environment)
    assert ended.code == 1, ended.text
    rows = checkout.perflog(place="box/cpu")
    assert [row["perf_var"] for row in rows] == (METRICS if expected[1] == "sanity" else ["null"])
    for row in rows:
        assert outcome(row) == expected
        assert reason in row["failure_reason"]
        # Slurm says "None assigned" of its nodes, which are no names of nodes.
        assert row["job_nodelist"] == ""
        assert row["partition_num_nodes"] == "4"
        assert row["scheduler_version"] == "slurm 23.11.4"


def test_pbs_jobs_that_wait_for_too_long_are_not_scheduled_either(checkout: Checkout) -> None:
    options = ("-r", "-n", "%cpu_nodes=1%", "-S", "max_pending_time=1s")
    ended = checkout.reframe(*options, **place_scheduler(checkout, "torque"))
    assert ended.code == 1, ended.text
    [row] = checkout.perflog(place="box/cpu")
    assert outcome(row) == ("fail", "run", "not scheduled")
    assert "maximum pending time exceeded" in row["failure_reason"]
    assert row["scheduler_version"] == "Version: 6.1.3"


def test_a_failure_keeps_to_the_file_of_the_others_in_reframe_s_own_format(
    checkout: Checkout,
) -> None:
    assert checkout.reframe("-r").code == 0
    fail_in(checkout, "run_after('setup')", "{}['nothing']")
    assert checkout.reframe("-r").code == 1
    passed, failed = checkout.perflog()
    assert (passed["result"], failed["result"]) == ("pass", "fail")
    assert failed["throughput_value"] == "None"
    assert failed["failure_class"] == "suite"
    assert not list(checkout.folder.rglob("*.log.h*"))


FOREIGN = """
import reframe as rfm
import reframe.utility.sanity as sn


@rfm.simple_test
class Foreign(rfm.RunOnlyRegressionTest):
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    executable = "false"
    sanity_patterns = sn.assert_true(0)
"""


def test_a_check_of_another_suite_fails_as_ever(checkout: Checkout) -> None:
    checkout.write("checks/foreign.py", FOREIGN)
    assert checkout.reframe("-r", "-n", "Foreign", **SETTINGS).code == 1
    [row] = checkout.perflog("Foreign")
    assert outcome(row) == ("fail", "sanity", "null")


def passed_rows(checkout: Checkout) -> list[dict[str, Any]]:
    """The rows of a session in which all went well."""
    assert checkout.reframe("-r", **SETTINGS).code == 0
    return checkout.perflog()


def test_a_case_that_passed_has_neither_class_nor_reason(checkout: Checkout) -> None:
    for row in passed_rows(checkout):
        assert (row["failure_class"], row["failure_reason"]) == ("", "")
