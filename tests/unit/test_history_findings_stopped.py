"""Cases that stopped reporting, and partitions that fell silent: told once, and not too early."""

from datetime import timedelta

from history_verdicts import failed, findings_of, verdict
from simulated_history import FIRST_NIGHT, Run, series

from perflogs.exit_codes import NOT_JUDGED


def silences(*runs: Run) -> list[tuple[str, str]]:
    """Place and name of all that has stopped."""
    return [(each.place, each.name) for each in findings_of("not run", *runs)]


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
    # Long after it was planned, its last record is still the one before.
    [finding] = findings_of("not run", *series([1.0] * 30, name="Other"), *gone)
    assert finding.since == FIRST_NIGHT + timedelta(days=7)
    assert finding.reason.startswith("stopped reporting: the last record is of the night of")


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
    assert [each.name for each in verdict(*runs, skipped).findings] == ["Gone"]
