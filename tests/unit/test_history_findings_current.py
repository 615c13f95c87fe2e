"""Which runs and series a verdict is about: what is too young, has ended, or is yet to come."""

from datetime import timedelta

import pytest
from history_verdicts import verdict
from simulated_history import FIRST_NIGHT, Run, history, morning_after, series

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.judging.verdict import reach_verdict

FALLEN = [*(1000.0 + night % 3 for night in range(40)), *(900.0 + night % 3 for night in range(12))]


@pytest.mark.parametrize(
    ("metric", "count", "code"),
    [
        ("throughput", 1, NOT_JUDGED),
        ("throughput", 5, NOT_JUDGED),
        ("throughput", 6, CLEAN),
        ("loss_step100", 1, NOT_JUDGED),
        ("loss_step100", 2, CLEAN),
    ],
)
def test_what_has_too_few_runs_is_not_judged_and_not_clean(
    metric: str, count: int, code: int
) -> None:
    result = verdict(*series([1.0] * count, metric))
    assert result.exit_code == code
    assert (len(result.judged), len(result.young)) == ((1, 0) if code == CLEAN else (0, 1))


def test_a_new_case_beside_others_is_counted_as_young() -> None:
    result = verdict(*series([1.0] * 20), Run(name="New", night=19))
    assert ([each.name for each in result.young], result.exit_code) == (["New"], CLEAN)


def changed(*nights: int) -> list[Run]:
    """Runs of another version of the workload, which make another series."""
    return [Run(night=night, hour=4.0, key={"workload_version": "2"}) for night in nights]


def test_one_run_of_another_kind_hides_no_regression() -> None:
    falling = series(FALLEN)
    for others in (changed(51), changed(52), changed(52, 53)[:1], changed(49, 50, 51)):
        assert verdict(*falling, *others).exit_code == REGRESSED


def test_what_has_followed_for_three_nights_ends_what_was_said_and_that_is_told() -> None:
    result = verdict(*series(FALLEN), *changed(52, 53, 54), *series([1.0] * 55, name="Other"))
    assert (result.exit_code, len(result.ended)) == (CLEAN, 1)
    assert result.ended[0].measured is not None
    # One that is back is as bad as it was.
    back = Run(night=55, figures={"throughput": 900.0})
    assert verdict(*series(FALLEN), *changed(52, 53, 54), back).exit_code == REGRESSED


def test_a_weekly_series_is_followed_when_it_is_due_and_does_not_come() -> None:
    weekly = [
        Run(night=7 * night, figures={"throughput": value}) for night, value in enumerate(FALLEN)
    ]
    daily = series([1.0] * 371, name="Daily")
    for others in (changed(358), changed(358, 359)):
        assert len(verdict(*weekly, *daily[:363], *others).ended) == 0
    # Before it is due, three nights tell that the other one has come to stay.
    assert len(verdict(*weekly, *daily[:363], *changed(358, 359, 360)).ended) == 1
    assert len(verdict(*weekly, *daily, *changed(358)).ended) == 1


def test_a_monthly_case_is_judged_until_it_is_overdue() -> None:
    monthly = [
        Run(night=30 * place, name="Monthly", figures={"throughput": value})
        for place, value in enumerate(FALLEN[30:46])
    ]
    daily = series([1.0] * 520, name="Daily")
    assert verdict(*monthly, *daily[:505]).exit_code == REGRESSED
    found = verdict(*monthly, *daily).judged
    assert [each.name for each, _ in found] == ["Daily"]


def test_a_run_with_the_clock_of_another_year_changes_nothing_and_is_counted() -> None:
    falling = series(FALLEN)
    today = morning_after(falling)
    ahead = Run(night=400, name="Ahead", partition="cpu")
    result = verdict(*falling, ahead, today=today)
    assert (result.exit_code, result.future, len(result.judged)) == (REGRESSED, 1, 1)
    assert result.newest is not None
    assert result.newest.date() == today
    # What a clock that is a little ahead has recorded counts.
    assert verdict(*falling, today=today - timedelta(days=2)).future == 0
    assert verdict(*falling, today=today - timedelta(days=3)).future == 1


def test_as_of_a_day_the_nights_that_had_ended_at_its_noon_are_known() -> None:
    runs = series([1000.0] * 20)
    day = FIRST_NIGHT + timedelta(days=10)
    result = reach_verdict(history(runs), {}, day, until=day)
    assert result.newest is not None
    assert (result.newest.date(), result.runs.height) == (day, 10)
    # The same as what was said then.
    assert result.exit_code == verdict(*runs[:10], today=day).exit_code
    assert result.nights == verdict(*runs[:10], today=day).nights


def test_on_an_earlier_day_what_came_later_is_no_fault_of_a_clock() -> None:
    falling = series(FALLEN)
    day = FIRST_NIGHT + timedelta(days=20)
    assert reach_verdict(history(falling), {}, day, until=day).future == 0
