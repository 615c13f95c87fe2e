"""What failed and why, what was planned and did not run, and what has gone silent."""

from dataclasses import replace
from datetime import date

import pytest
from simulated_history import Run, history, morning_after, series

from perflogs.judging.failure_classes import failure_class
from perflogs.judging.finding import Finding
from perflogs.judging.verdict import CLEAN, FAILED, NOT_JUDGED, Verdict, reach_verdict


def verdict(*runs: Run, since: date | None = None) -> Verdict:
    """The verdict on these runs, with nothing acknowledged."""
    return reach_verdict(history(runs), {}, morning_after(runs), since)


def failed(name: str = "Train", night: int = 0, **fields: object) -> Run:
    """A run that failed."""
    given = {"fail_phase": "sanity", "failure_class": "run", "fail_reason": "run: exit code 1"}
    return Run(name=name, night=night, figures={}, result="fail", **{**given, **fields})


def silences(*runs: Run) -> list[tuple[str, str]]:
    """Place and name of all that has stopped."""
    found = [each for each in verdict(*runs).findings if each.state == "not run"]
    return [(each.place, each.name) for each in found]


@pytest.mark.parametrize(
    ("recorded", "phase", "reason", "expected"),
    [
        ("hardware", "sanity", "hardware: 3 ECC errors", "hardware"),
        (
            "scheduler",
            "sanity",
            "scheduler: a node was lost (slurmstepd: node failure)",
            "hardware",
        ),
        ("", "run_wait", "job 7 ended as NODE_FAIL", "hardware"),
        ("scheduler", "sanity", "scheduler: the job was preempted", "not scheduled"),
        ("scheduler", "sanity", "scheduler: the job was cancelled", "not scheduled"),
        ("scheduler", "run", "cancelled the job: longer than max_pending_time", "not scheduled"),
        ("", "run", "spawned process error: sbatch: error: invalid account", "not scheduled"),
        ("", "run_wait", "job blocked: held by user, pending", "not scheduled"),
        ("", "run_wait", "JOB 7 ON n3 CANCELLED AT 3:00 DUE TO TIME LIMIT", "failure"),
        ("", "run", "sbatch: error: Requested time limit is invalid", "not scheduled"),
        (
            "",
            "run_wait",
            "job cancelled because it was blocked in pending state due to: PartitionTimeLimit",
            "not scheduled",
        ),
        ("", "run", "MPI_Send blocked: deadlock", "failure"),
        ("", "run", "the work queue is empty", "failure"),
        ("", "run", "the lock is held by rank 3", "failure"),
        ("scheduler", "run_wait", "cancelled by root: node n3 is down", "hardware"),
        ("", "run_wait", "job 7 was cancelled: n3 is a node not responding", "hardware"),
        ("", "run_wait", "job 7: REVOKED", "not scheduled"),
        ("scheduler", "sanity", "scheduler: the time limit was hit", "failure"),
        ("scheduler", "sanity", "scheduler: the job ran out of memory", "failure"),
        ("run", "sanity", "run: exit code 1: cancelled", "failure"),
        ("judgement", "sanity", "judgement: accuracy below its floor", "failure"),
        ("", "performance", "throughput=3, expected 5", "failure"),
        ("", "sanity", "pattern not found", "failure"),
        ("", "", "", "failure"),
        ("input", "sanity", "input: no such folder", "suite error"),
        ("", "setup", "AttributeError: x", "suite error"),
        ("", "compile", "make: error", "suite error"),
        ("", "cleanup", "cannot remove", "suite error"),
    ],
)
def test_every_failure_has_the_class_of_who_must_act(
    recorded: str, phase: str, reason: str, expected: str
) -> None:
    assert failure_class(recorded, phase, reason) == expected


def test_a_failed_test_is_told_with_its_reason_and_the_command_that_repeats_it() -> None:
    result = verdict(Run(name="Fine"), failed())
    [finding] = result.findings
    assert (finding.state, finding.category) == ("failure", "failure")
    assert finding.reason == "sanity: run: exit code 1"
    assert finding.again == "reframe -c checks --system=pearl:gpu -n /0123abcd -r"
    assert result.exit_code == FAILED


def test_a_full_queue_does_not_count_as_a_failed_test() -> None:
    reason = "scheduler: ReFrame cancelled the job, which was in the queue for longer"
    result = verdict(Run(name="Fine"), failed(failure_class="scheduler", fail_reason=reason))
    assert [each.category for each in result.findings] == ["not scheduled"]
    assert result.exit_code == NOT_JUDGED


def test_missing_a_reference_is_a_failure_and_the_figures_count() -> None:
    last = {"result": "fail", "fail_phase": "performance", "fail_reason": "3, expected 5"}
    result = verdict(*series([1000.0] * 5), Run(night=5, **last))
    assert result.exit_code == FAILED
    assert len(result.judged) == 1


def test_an_unexpected_pass_is_a_failure() -> None:
    assert verdict(Run(result="xpass")).exit_code == FAILED
    assert verdict(*series([1000.0] * 6, result="xfail")).exit_code == CLEAN


def test_a_failure_that_passed_when_run_again_is_shown_and_has_no_weight() -> None:
    before = series([1000.0] * 6, name="Train")
    result = verdict(*before, failed(night=6), Run(name="Train", night=6, hour=3.0))
    [finding] = result.findings
    assert finding.recovered
    assert result.exit_code == CLEAN


def test_a_pass_that_failed_when_run_again_is_a_failure() -> None:
    result = verdict(Run(name="Train"), failed(hour=3.0))
    assert not result.findings[0].recovered
    assert result.exit_code == FAILED


def test_a_distributed_case_fails_on_its_node_whatever_becomes_of_others() -> None:
    first = failed(nodes="n1", columns={"hashcode": "aaaaaaaa"})
    others = [
        Run(name="Train", nodes=node, hour=3.0, columns={"hashcode": code})
        for node, code in (("n2", "bbbbbbbb"), ("n3", "cccccccc"))
    ]
    result = verdict(first, *others)
    assert [(each.nodes, each.recovered) for each in result.findings] == [(("n1",), False)]
    again = Run(name="Train", nodes="n1", hour=4.0, columns={"hashcode": "dddddddd"})
    assert verdict(first, *others, again).findings[0].recovered


def test_a_failure_stands_since_the_first_of_its_failures_without_a_pass_between() -> None:
    runs = [failed(night=0), Run(name="Train", night=1), failed(night=2), failed(night=3)]
    [finding] = verdict(*runs).findings
    assert str(finding.since) == "2026-01-03"


def test_a_failure_of_an_earlier_night_is_over() -> None:
    assert verdict(failed(night=0), Run(name="Train", night=1)).findings == []


def test_what_an_ad_hoc_session_leaves_out_has_still_failed() -> None:
    later = Run(name="Other", night=1, campaign="ad hoc")
    result = verdict(failed(night=0), Run(name="Other", night=0), later)
    assert result.exit_code == FAILED


def test_since_shows_failures_of_all_nights_since_then() -> None:
    runs = [failed(night=3), *series([1000.0] * 6, name="Other")]
    assert verdict(*runs, since=date(2026, 1, 4)).exit_code == FAILED
    assert verdict(*runs, since=date(2026, 1, 5)).exit_code == CLEAN


def test_failures_of_the_night_stand_when_a_long_case_ends_after_noon() -> None:
    before = [Run(name=name, night=night) for night in range(9) for name in ("A", "B", "Long")]
    night = [failed("A", 9), failed("B", 9), Run(name="Long", night=10, hour=-11.5)]
    result = reach_verdict(history([*before, *night]), {}, morning_after(before + night[:1]))
    assert [each.name for each in result.findings] == ["A", "B"]
    assert result.exit_code == FAILED


def test_a_weekly_test_that_failed_stands_until_it_passes() -> None:
    daily = series([1000.0] * 40, name="Daily")
    weekly = [Run(name="Weekly", night=night) for night in (0, 7, 14, 21)]
    result = verdict(*daily, *weekly, failed("Weekly", 28))
    assert [(each.name, str(each.since)) for each in result.findings] == [("Weekly", "2026-01-29")]
    assert result.exit_code == FAILED
    assert (
        verdict(*daily, *weekly, failed("Weekly", 28), Run(name="Weekly", night=35)).exit_code == 0
    )


def test_a_failure_of_a_case_that_is_retired_is_over() -> None:
    daily = series([1000.0] * 120, name="Daily")
    assert verdict(*daily, failed("Once", 20)).findings == []
    assert verdict(*daily, failed("Once", 40)).exit_code == FAILED


def test_what_was_tried_in_another_campaign_failed_for_one_night() -> None:
    daily = series([1000.0] * 10)
    assert verdict(*daily, failed("Trial", 9, campaign="ad hoc")).exit_code == FAILED
    assert verdict(*daily, failed("Trial", 8, campaign="ad hoc")).findings == []
    stopped = Run(night=9, hour=9.0, result="abort", figures={}, campaign="ad hoc")
    weekly = replace(stopped, name="Weekly", night=8)
    assert verdict(*daily, Run(name="Weekly", night=1), weekly).findings == []


def test_what_a_nightly_run_planned_and_left_out_stands_until_it_runs() -> None:
    daily = series([1000.0] * 20, name="Daily")
    runs = [Run(name="Weekly", night=night) for night in (0, 7)]
    skipped = Run(name="Weekly", night=14, result="abort", figures={}, nodes="")
    assert verdict(*daily, *runs, skipped).exit_code == NOT_JUDGED
    assert verdict(*daily, *runs, skipped, Run(name="Weekly", night=18)).exit_code == CLEAN


@pytest.mark.parametrize("code", ["", "0123abcd"])
def test_of_a_case_dealt_to_nodes_each_node_stands_for_itself_without_hash_codes(
    code: str,
) -> None:
    runs = [
        Run(name="Train", night=night, nodes=node, hour=hour, columns={"hashcode": code})
        for night in range(8)
        for hour, node in enumerate(("n1", "n2", "n4"))
    ]
    broken = [
        failed(night=night, nodes="n3", hour=1.5, columns={"hashcode": code}) for night in range(8)
    ]
    [finding] = verdict(*runs, *broken).findings
    assert (finding.nodes, finding.recovered, str(finding.since)) == (("n3",), False, "2026-01-01")


def test_a_defect_is_mended_by_a_pass_on_the_same_node_alone() -> None:
    before = [Run(name="Train", night=night, nodes=f"n{night % 4}") for night in range(9)]
    broken = failed(night=9, nodes="n1", failure_class="hardware", fail_reason="3 ECC errors")
    result = verdict(*before, broken, Run(name="Train", night=9, hour=3.0, nodes="n2"))
    [finding] = result.findings
    assert (finding.recovered, finding.category, result.exit_code) == (False, "hardware", FAILED)
    assert "nodelist=n1" in finding.again
    elsewhere = [Run(name="Train", night=night, nodes="n2") for night in (10, 11)]
    assert verdict(*before, broken, *elsewhere).exit_code == FAILED
    mended = Run(name="Train", night=9, hour=3.0, nodes="n1,n2")
    assert verdict(*before, broken, mended).findings[0].recovered
    assert verdict(*before, broken, mended, *elsewhere).findings == []


def test_a_node_that_was_dealt_no_run_and_then_ran_has_run() -> None:
    def run(node: str, night: int, code: str, **fields: object) -> Run:
        return Run(name="Train", night=night, nodes=node, columns={"hashcode": code}, **fields)

    before = [run(node, 0, code) for node, code in (("n1", "a1"), ("n2", "b2"))]
    aborted = [run("", 1, code, result="abort", figures={}) for code in ("a1", "b2")]
    assert len(verdict(*before, *aborted).findings) == 2
    again = run("n1", 1, "c3", hour=4.0)
    assert [each.recovered for each in verdict(*before, *aborted, again).findings] == [True, False]


def test_what_needs_a_failed_fixture_is_not_run_and_says_what_it_needs() -> None:
    session = {"session": "one"}
    fixture = failed("Data ~pearl:gpu", columns={**session, "fixture": True})
    waiting = Run(
        figures={}, result="fail_deps", nodes="", columns={**session, "hashcode": "89abcdef"}
    )
    other = failed("Another", hour=1.0, columns=session)
    result = verdict(fixture, waiting, other, Run(name="Other", columns=session))
    found = {each.name.split()[0]: each for each in result.findings}
    reason = found["SkylineTrain"].reason
    assert reason == "not run: needs a case that did not pass (Data ~pearl:gpu, Another)"
    assert found["Data"].again.endswith("-n /89abcdef -r")
    assert result.exit_code == FAILED


@pytest.mark.parametrize("result", ["skip", "fail_deps", "abort"])
def test_what_was_planned_and_did_not_run_is_never_passed_over(result: str) -> None:
    found = verdict(Run(name="Fine"), Run(result=result, figures={}, nodes=""))
    assert [each.state for each in found.findings] == ["not run"]
    assert found.exit_code == NOT_JUDGED


def test_a_result_that_nobody_knows_is_no_pass_and_no_failure() -> None:
    result = verdict(*series([1000.0] * 10), Run(name="Other", night=9, result="odd"))
    [finding] = result.findings
    assert (finding.state, finding.category) == ("not run", "suite error")
    assert finding.reason == "nothing is known of it: its result is 'odd'"
    assert result.exit_code == NOT_JUDGED


def test_a_case_that_is_absent_for_two_nights_has_stopped() -> None:
    others = series([1.0] * 10, name="Other")
    assert silences(*others, *series([1.0] * 9)) == []
    [stopped] = silences(*others, *series([1.0] * 8, name="Gone"))
    assert stopped == ("pearl:gpu", "Gone")


def test_a_case_that_stopped_is_no_alarm_but_not_judged() -> None:
    runs = [*series([1.0] * 10, name="Other"), *series([1.0] * 8, name="Gone")]
    result = verdict(*runs)
    assert [each.category for each in result.findings] == ["not scheduled"]
    assert result.exit_code == NOT_JUDGED


def test_a_case_that_failed_has_reported() -> None:
    others = series([1.0] * 10, name="Other")
    gone = [*series([1.0] * 8, name="Gone"), failed("Gone", 8), failed("Gone", 9)]
    assert silences(*others, *gone) == []


def test_a_case_that_was_skipped_has_not_reported() -> None:
    others = series([1.0] * 10, name="Other")
    skipped = Run(name="Gone", night=8, result="skip", figures={}, nodes="")
    gone = [*series([1.0] * 8, name="Gone"), skipped]
    assert silences(*others, *gone) == [("pearl:gpu", "Gone")]


def test_a_case_that_runs_every_week_is_not_missed_after_two_nights() -> None:
    others = series([1.0] * 40, name="Other")
    weekly = [Run(name="Weekly", night=night) for night in (0, 7, 14, 21, 28)]
    assert silences(*others, *weekly[:4], weekly[4]) == []
    assert silences(*others, *weekly[:4]) == [("pearl:gpu", "Weekly")]


def test_a_case_that_never_had_a_rhythm_is_not_missed() -> None:
    others = series([1.0] * 10, name="Other")
    assert silences(*others, *series([1.0] * 2, name="Tried")) == []


def test_sessions_of_a_few_cases_do_not_mean_that_the_others_stopped() -> None:
    names = ["One", "Two", "Three", "Four"]
    nightly = [each for name in names for each in series([1.0] * 8, name=name)]
    ad_hoc = [Run(name="One", night=8, hour=hour, campaign="ad hoc") for hour in (2.0, 3.0, 4.0)]
    assert silences(*nightly, *ad_hoc) == []
    unnamed = [each for name in names for each in series([1.0] * 8, name=name, campaign="")]
    partial = [Run(name="One", night=night, campaign="") for night in (8, 9, 10)]
    assert silences(*unnamed, *partial) == []


def test_a_partition_that_falls_silent_while_others_go_on_is_one_finding() -> None:
    gpu = series([1.0] * 20)
    cpu = [each for name in ("A", "B") for each in series([1.0] * 16, name=name, partition="cpu")]
    assert silences(*gpu, *cpu) == [("pearl:cpu", "")]
    longer = [
        Run(name=name, night=night, partition="cpu")
        for night in (16, 17, 18)
        for name in ("A", "B")
    ]
    assert silences(*gpu, *cpu, *longer) == []


def test_a_partition_that_runs_every_week_is_not_silent_after_a_few_nights() -> None:
    weekly = [Run(night=night, partition="cpu") for night in (0, 7, 14)]
    assert silences(*series([1.0] * 24), *weekly) == []
    assert silences(*series([1.0] * 26), *weekly) == [("pearl:cpu", "")]


def test_what_has_been_gone_for_three_months_is_retired() -> None:
    others = series([1.0] * 110, name="Other")
    assert silences(*others, *series([1.0] * 15, name="Gone")) == []
    assert silences(*others, *series([1.0] * 25, name="Gone")) == [("pearl:gpu", "Gone")]


def test_a_case_that_is_not_run_tonight_and_before_is_said_once() -> None:
    runs = [*series([1.0] * 10, name="Other"), *series([1.0] * 8, name="Gone")]
    skipped = Run(name="Gone", night=9, result="skip", figures={}, nodes="")
    findings: list[Finding] = verdict(*runs, skipped).findings
    assert [each.name for each in findings] == ["Gone"]
