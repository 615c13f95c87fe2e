"""What failed and why, and what was planned and did not run."""

from dataclasses import replace
from datetime import date

import pytest
from history_verdicts import failed, verdict
from simulated_history import Run, morning_after, series

from perflogs.exit_codes import CLEAN, FAILED, NOT_JUDGED


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
    result = verdict(*before, *night, today=morning_after(before + night[:1]))
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


def test_what_was_planned_but_never_ran_often_is_waited_for_two_weeks() -> None:
    skipped = Run(name="Tried", night=5, result="skip", figures={}, nodes="")
    daily = series([1000.0] * 21, name="Daily")
    assert [each.name for each in verdict(*daily[:20], skipped).findings] == ["Tried"]
    assert verdict(*daily, skipped).findings == []


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


def test_what_was_skipped_or_knows_what_it_needs_does_not_blame_what_failed_beside_it() -> None:
    session = {"session": "one"}
    why = "not run: needs a case that did not pass (Data)"
    others = [failed("Other", columns=session), failed("Data", columns=session)]
    skipped = Run("A", figures={}, result="skip", fail_reason="no licence", columns=session)
    needing = Run("B", figures={}, result="fail_deps", fail_reason=why, columns=session)
    found = {each.name: each.reason for each in verdict(*others, skipped, needing).findings}
    assert (found["A"], found["B"]) == ("not run: no licence", why)


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
