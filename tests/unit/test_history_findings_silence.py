"""What should have reported and did not: partitions, cases, and single metrics."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from history_verdicts import findings_of, verdict
from simulated_history import Run, morning_after, series

from perflogs.exit_codes import CLEAN, NOT_JUDGED
from perflogs.judging.rhythm import absences, nights_without

MONDAY = date(2026, 1, 5)


def days(*numbers: int) -> list[date]:
    """Nights, counted from a Monday."""
    return [MONDAY + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    ("own", "count", "at_once", "absent"),
    [
        (range(10), 10, True, 0),
        (range(10), 11, True, 1),
        (range(10), 11, False, 0),
        (range(10), 12, False, 2),
        (range(9), 10, True, 0),
        ((*range(5), *range(6, 11)), 12, True, 0),
        ((0, *range(2, 12)), 13, True, 1),
        ((0, 3, 6), 12, True, 0),
        ((0, 3, 6), 13, True, 6),
        ((0, 1), 20, True, 0),
    ],
)
def test_what_is_missed_is_what_keeps_to_a_rhythm(
    own: range, count: int, at_once: bool, absent: int
) -> None:
    assert absences(days(*own), days(*range(count)), at_once) == absent


def test_days_of_rest_are_no_silence() -> None:
    worked = days(*(7 * week + day for week in range(4) for day in range(5)))
    friday = worked[-1]
    silences = [nights_without(worked, friday + timedelta(days=day)).days for day in range(6)]
    assert silences == [0, 0, 0, 1, 2, 3]
    # One week does not tell which days are days of rest.
    assert nights_without(worked[:5], worked[4] + timedelta(days=2)).days == 2
    assert nights_without(days(0, 7, 14, 21, 28), days(38)[0]).days == 10


@pytest.mark.parametrize(("late", "code"), [(0, CLEAN), (1, CLEAN), (2, NOT_JUDGED), (60, 4)])
def test_a_nightly_campaign_is_missed_after_one_night_that_may_still_come(
    late: int, code: int
) -> None:
    runs = series([1000.0] * 30)
    assert verdict(*runs, today=morning_after(runs) + timedelta(days=late)).exit_code == code


@pytest.mark.parametrize(("late", "code"), [(29, CLEAN), (30, NOT_JUDGED), (400, NOT_JUDGED)])
def test_what_nobody_promised_is_too_old_after_a_month(late: int, code: int) -> None:
    runs = series([1000.0] * 30, campaign="ad hoc")
    assert verdict(*runs, today=morning_after(runs) + timedelta(days=late)).exit_code == code


def ten_cases(nights: int, **fields: object) -> list[Run]:
    """Ten cases, each in every night."""
    return [
        each for case in range(10) for each in series([1.0] * nights, name=f"C{case}", **fields)
    ]


def test_of_ten_cases_that_always_ran_nine_are_missed_in_the_first_night_without_them() -> None:
    result = verdict(*ten_cases(12), Run(name="C0", night=12))
    assert [each.name for each in result.findings] == [f"C{case}" for case in range(1, 10)]
    assert result.exit_code == NOT_JUDGED


def test_a_session_of_a_few_cases_makes_no_other_missing() -> None:
    nightly = ten_cases(12)
    for partial in (
        Run(name="C0", night=12, campaign="ad hoc"),
        Run(name="C0", night=11, hour=9.0, campaign="nightly"),
    ):
        assert verdict(*nightly, partial).exit_code == CLEAN

    assert (
        verdict(*ten_cases(12, campaign=""), Run(name="C0", night=12, campaign="")).findings == []
    )
    # The same night may hold more than the campaign.
    beside = Run(name="C0", night=11, hour=3.0, campaign="ad hoc")
    gone = [run for run in nightly if run.name != "C1" or run.night < 10]
    assert [each.name for each in verdict(*gone, beside).findings] == ["C1"]


def test_what_ended_this_afternoon_begins_a_night_that_is_not_over() -> None:
    nightly = ten_cases(12)
    afternoon = Run(name="C0", night=12, hour=-11.0)
    assert verdict(*nightly, afternoon, today=morning_after(nightly)).findings == []
    # Early the next day the night has not come to its cases yet.
    assert verdict(*nightly, afternoon, today=morning_after([afternoon])).findings == []
    assert verdict(*nightly, replace(afternoon, hour=-3.0)).findings != []


def test_a_clock_that_is_a_day_ahead_makes_nothing_missing() -> None:
    nightly = ten_cases(12)
    ahead = Run(name="C0", night=12)
    assert verdict(*nightly, ahead, today=morning_after(nightly)).findings == []


def test_what_nobody_promised_is_not_missed_at_once() -> None:
    cases = ten_cases(12, campaign="")
    most = [Run(name=f"C{case}", night=12, campaign="") for case in range(6)]
    assert verdict(*cases, *most).findings == []


def test_a_case_that_ended_after_noon_has_run_in_the_night_before() -> None:
    nightly = [run for run in ten_cases(12) if (run.name, run.night) != ("C0", 11)]
    late = Run(name="C0", night=12, hour=-11.5)
    for morning in (nightly, [late]):
        assert verdict(*nightly, late, today=morning_after(morning)).findings == []


def test_a_metric_that_is_gone_while_its_case_passes_is_missed() -> None:
    both = {"throughput": 1000.0, "total_seconds": 5.0, "test_accuracy": 0.9}
    runs = [Run(night=night, figures=both) for night in range(12)]
    left = {"throughput": 1000.0, "total_seconds": float("nan")}
    [finding] = findings_of("not run", *runs, Run(night=12, figures=left))
    assert finding.category == "suite error"
    assert finding.reason.startswith("test_accuracy, total_seconds not reported since the night of")
    assert str(finding.since) == "2026-01-12"
    later = [Run(night=12 + night, figures=left) for night in range(40)]
    assert [each.identity for each in findings_of("not run", *runs, *later)] == [finding.identity]
    assert verdict(*runs, *later).exit_code == NOT_JUDGED


def test_a_metric_that_has_been_gone_for_three_months_is_retired() -> None:
    both = {"throughput": 1000.0, "total_seconds": 5.0}
    runs = [
        Run(night=night, figures=both if night < 12 else {"throughput": 1000.0})
        for night in range(103)
    ]
    assert len(findings_of("not run", *runs[:102])) == 1
    assert findings_of("not run", *runs) == []


def test_a_metric_is_not_missed_where_its_case_did_not_pass_or_is_another_kind() -> None:
    both = {"throughput": 1000.0, "total_seconds": 5.0}
    runs = [Run(night=night, figures=both) for night in range(12)]
    left = {"throughput": 1000.0}
    for other in (
        Run(night=12, figures=left, result="fail", fail_phase="sanity"),
        Run(night=12, figures=left, key={"workload_version": "2"}),
        Run(night=12, figures=left, campaign="ad hoc"),
    ):
        assert findings_of("not run", *runs, other) == []


def test_a_metric_that_is_reported_now_and_then_is_not_missed_at_once() -> None:
    runs = [
        Run(
            night=night,
            figures={"throughput": 1.0, **({"total_seconds": 5.0} if night % 4 == 0 else {})},
        )
        for night in range(30)
    ]
    assert findings_of("not run", *runs) == []


def test_the_night_of_a_nightly_campaign_is_a_full_one_whatever_else_ran() -> None:
    gone = [run for run in ten_cases(14) if run.name != "C1" or run.night < 12]
    beside = [Run(name="Trial", night=night, hour=3.0, campaign="ad hoc") for night in (12, 13)]
    assert [each.name for each in verdict(*gone, *beside).findings] == ["C1"]
