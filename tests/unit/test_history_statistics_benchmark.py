"""The benchmark of verdicts: what counts as an alert, as found, and as an incident."""

from statistics import median

import numpy as np
import pytest

from perflogs.statistics.judgement import Change, Judgement, Segment
from tests.benchmarks._tracking import experiments, quality, replay, simulated, suite
from tests.benchmarks._tracking.experiments import NEVER, Find
from tests.benchmarks._tracking.quality import Found

SEGMENT = Segment(0, 10, 1.0, 0.02, True)


def change(start, difference=-0.1):
    low, high = difference - 0.01, difference + 0.01
    return Change(start, SEGMENT, SEGMENT, difference, low, high, 1.0, "")


def judged(monkeypatch, starts, kind="regression"):
    """The alerts of a series in which findings start there, night after night."""

    def judge(values, nodes, better, comparison):
        start = starts[len(values) - 1]
        return Judgement((SEGMENT,), **({kind: change(start)} if start is not None else {}))

    monkeypatch.setattr(replay, "judge", judge)
    return [alert.night for alert in replay.alerts(np.zeros(len(starts)), 0)]


@pytest.mark.parametrize("kind", ["regression", "improvement", "change"])
def test_a_finding_that_was_there_last_night_is_not_a_new_one(monkeypatch, kind):
    assert judged(monkeypatch, [None, 5, 5, 6, 5, None, None], kind) == [1]


def test_a_finding_that_comes_back_is_a_new_one_and_so_is_one_of_another_night(monkeypatch):
    assert judged(monkeypatch, [None, 5, None, 5, 40, 40]) == [1, 3, 4]


def test_a_step_counts_as_found_only_where_it_is():
    said = [
        replay.Alert(night, "regression", change(start)) for night, start in ((102, 90), (104, 99))
    ]
    assert experiments._first(said, -0.1, since=100) == Find(5, -0.1, True)
    assert experiments._first(said, -0.1, since=50).nights == NEVER
    better = [replay.Alert(110, "improvement", change(100))]
    assert experiments._first(better, -0.1, since=100).nights == NEVER


@pytest.mark.parametrize("noise", simulated.NOISES)
def test_noises_have_the_scale_that_they_say(noise):
    drawn = simulated.NOISES[noise](np.random.default_rng(1), 20_000)
    core = 1.4826 * np.median(np.abs(drawn - np.median(drawn)))
    assert core == pytest.approx(0.02, rel=0.15)
    after = np.corrcoef(drawn[1:], drawn[:-1])[0, 1]
    assert after == pytest.approx(0.5 if noise == "autocorrelated" else 0.0, abs=0.03)
    assert np.mean(drawn < -0.08) == pytest.approx(
        {"3 % slow nights": 0.03}.get(noise, 0), abs=0.015
    )


def test_a_suite_has_two_hundred_series():
    assert suite.METRICS * len(suite.numbers()) == 200


def results(nights=4.0, false=0, found_on=""):
    """What a run would have found, everything alike."""
    found = Found()
    for subject, _ in quality._works(3, 1):
        kind = subject[0]
        find = Find(nights, -0.05, True, found_on)
        found.results[subject] = {
            "suite": [(0, [("regression", 7)] * false), (0, [("regression", 7), ("change", 9)])],
            "nodes": [(false, find)] * 3,
        }.get(kind, [find] * 3 if kind in {"step", "loss", "accuracy"} else [false] * 3)
    return found


def verdicts(found):
    return {verdict.text: verdict.holds for verdict in found.verdicts()}


def test_bounds_hold_where_everything_is_as_it_should_be():
    assert set(verdicts(results(nights=3.0)).values()) == {True}


def test_false_alerts_break_the_bounds():
    broken = {text for text, holds in verdicts(results(nights=3.0, false=1)).items() if not holds}
    assert sum("false alerts" in text for text in broken) == 6
    assert sum("alerts, " in text for text in broken) == len(simulated.ODD)


def test_what_is_found_late_or_not_at_all_breaks_the_bounds():
    assert median([NEVER, 3.0, 4.0]) == 4.0
    late = verdicts(results(nights=11.0))
    assert sum("is found" in text and not holds for text, holds in late.items()) == 4
    missed = verdicts(results(nights=NEVER))
    assert sum("share" in text and not holds for text, holds in missed.items()) == 3


def test_a_change_of_the_system_that_a_node_is_blamed_for_is_not_found():
    blamed = verdicts(results(nights=3.0, found_on="n7"))
    assert [text for text, holds in blamed.items() if not holds] == [
        "... found, as the system's, share: 0, at least 0.95"
    ]


def test_alerts_of_one_night_are_one_incident():
    assert results(false=3)._incidents() == [2]


def test_every_figure_is_in_a_table():
    false, steps = results().tables()
    assert false.row_count == len(simulated.NOISES) + 1
    assert steps.row_count == len(quality.STEPS) + 3
