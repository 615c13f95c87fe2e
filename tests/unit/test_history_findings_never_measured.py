"""A case that passes and measures nothing is not green, and what is too young has a name."""

import math
from datetime import timedelta

import pytest
from history_verdicts import verdict
from simulated_history import FIRST_NIGHT, Run, series

from perflogs.exit_codes import CLEAN, NOT_JUDGED
from perflogs.judging.finding import Measured
from perflogs.reports.page_end import closing_lines
from perflogs.reports.wording import change_in_words, story

GOOD = series([1000.0] * 20, name="Good")


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"throughput": math.nan}, "throughput never had a value"),
        ({"throughput": math.nan, "loss_step100": math.inf}, "loss_step100, throughput never had"),
        ({}, "no figure at all, in 20 night(s) on which the case passed"),
    ],
    ids=["not a number", "two metrics", "no figure"],
)
def test_a_case_that_passes_and_never_had_a_figure_is_a_suite_error(
    figures: dict[str, float], said: str
) -> None:
    empty = [Run(name="Empty", night=night, figures=figures) for night in range(20)]
    result = verdict(*GOOD, *empty)
    [finding] = result.findings
    assert (finding.name, finding.category, finding.since) == ("Empty", "suite error", FIRST_NIGHT)
    assert story(finding).startswith(said)
    assert result.exit_code == NOT_JUDGED
    # It had been said before.
    later = verdict(*GOOD, *empty, since=FIRST_NIGHT + timedelta(days=10))
    assert (later.findings, later.earlier, later.exit_code) == ([], 1, CLEAN)


def test_a_case_that_fails_for_want_of_a_figure_is_not_said_to_have_passed() -> None:
    """As ReFrame fails what is not a number, in its last phase."""
    fields = {"result": "fail", "fail_phase": "performance", "fail_reason": "throughput=nan"}
    empty = {"name": "Empty", "figures": {"throughput": math.nan}}
    failing = [Run(night=night, **empty, **fields) for night in (18, 19)]
    [finding] = verdict(*GOOD, *failing).findings
    assert (finding.state, finding.reason) == ("failure", "performance: throughput=nan")
    passed = Run(night=17, **empty)
    found = {each.state: each.reason for each in verdict(*GOOD, passed, *failing).findings}
    assert found["not run"].endswith("never had a value, in 1 night(s) on which the case passed")


def test_a_new_kind_of_a_case_that_never_had_a_figure_is_said() -> None:
    changed = {"workload_version": "2"}
    empty = [Run(night=night, figures={}, key=changed) for night in range(15, 20)]
    result = verdict(*GOOD, *series([1.0] * 15), *empty)
    assert [each.since for each in result.findings] == [FIRST_NIGHT + timedelta(days=15)]


def test_what_promises_no_figure_is_not_missed() -> None:
    plain = [Run(name="Sanity", night=night, figures={}) for night in range(20)]
    unmeasured = [
        Run(name=run.name, night=run.night, figures={}, columns={"case": ""}) for run in plain
    ]
    fixtures = [
        Run(name=run.name, night=run.night, figures={}, columns={"fixture": True}) for run in plain
    ]
    one_good = [*plain[:7], Run(name="Sanity", night=7), *plain[8:9]]
    for others in (unmeasured, fixtures):
        assert verdict(*GOOD, *others).findings == []

    found = verdict(*GOOD[:9], *one_good).findings
    assert not any("never" in each.reason or "no figure" in each.reason for each in found)


def test_what_rounding_has_left_of_zero_is_shown_as_zero() -> None:
    shown = Measured("m", "K", "lower", "absolute", 800.0, -1.10837e-13, -800.0)
    assert "800 -> 0 K" in change_in_words(shown)
    small = Measured("m", "K", "lower", "absolute", 2e-13, 1e-13, -1e-13)
    assert "2e-13 -> 1e-13 K" in change_in_words(small)


def test_what_has_too_few_runs_is_named() -> None:
    """A case with new data every night is never judged."""
    fresh = [
        Run(name=name, night=night, key={"dataset_digest": f"{night}"})
        for name in ("A", "B", "C", "D", "E")
        for night in (18, 19)
    ]
    lines = closing_lines(verdict(*GOOD, *fresh))
    assert "with too few runs to be judged (A throughput, B throughput, C throughput, " in lines
    assert "and 2 more)" in lines
    one = closing_lines(verdict(*GOOD, Run(name="New [x]", night=19)))
    assert "1 with too few runs to be judged (New \\[x] throughput)" in one


def test_where_all_have_too_few_runs_none_is_named() -> None:
    lines = closing_lines(verdict(*(Run(name="New", night=night) for night in (18, 19))))
    assert "0 series judged, 1 with too few runs to be judged; " in lines
