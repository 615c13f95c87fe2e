"""Series are cut where figures are no longer comparable, and stay short enough to be judged."""

from datetime import timedelta
from unittest import mock

import numpy as np
import pytest
from history_verdicts import verdict
from hypothesis import given
from hypothesis import strategies as st
from simulated_history import FIRST_NIGHT, Run, history, series

from perflogs.exit_codes import REGRESSED
from perflogs.series import LEAST_A_NIGHT, MOST_RUNS, series_of, thinned


def test_another_key_makes_another_series_and_an_event_does_not():
    runs = [
        *series([1.0, 2.0]),
        *series([3.0], key={"precision": "mixed_bfloat16"}),
        *series([4.0], columns={"driver_version": "2"}),
    ]
    found = list(series_of(history(runs)))
    assert sorted(sorted(each.values) for each in found) == [[1.0, 2.0, 4.0], [3.0]]
    assert len({each.identity for each in found}) == 2


def test_only_sound_runs_with_finite_figures_of_two_years_count():
    runs = [
        Run(night=0, figures={"throughput": 1.0}),
        Run(night=10, figures={"throughput": 2.0}, result="fail", fail_phase="sanity"),
        Run(night=11, figures={"throughput": 3.0}, result="fail", fail_phase="performance"),
        Run(night=12, figures={"throughput": float("nan")}),
        Run(night=735, figures={"throughput": 4.0}),
    ]
    [found] = series_of(history(runs))
    assert found.values.tolist() == [3.0, 4.0]


def test_what_others_have_run_since_shortens_no_series():
    runs = [Run(name="Old", night=night) for night in (0, 725)]
    lengths = [each.values.size for each in series_of(history([*runs, Run(name="New", night=740)]))]
    assert lengths == [1, 2]


def test_the_identity_of_a_series_is_the_same_with_more_nights():
    first, second = (next(iter(series_of(history(series([1.0] * n))))).identity for n in (3, 9))
    assert first == second


def fleet(nights, nodes, level=lambda night: 1000.0):
    """A run on every node every night, with 1 % of noise."""
    noise = np.random.default_rng(0).standard_normal((nights, nodes))
    return [
        Run(
            night=night,
            hour=node / nodes,
            nodes=f"n{node}",
            figures={"throughput": float(level(night) * (1 + 0.01 * noise[night, node]))},
        )
        for night in range(nights)
        for node in range(nodes)
    ]


def test_of_many_runs_a_night_some_stand_for_the_night():
    runs = fleet(10, MOST_RUNS // 10 + 1)
    [found] = series_of(history(runs))
    assert found.values.size == MOST_RUNS
    assert set(np.unique(found.nights, return_counts=True)[1]) == {MOST_RUNS // 10}
    [short] = series_of(history(runs[:MOST_RUNS]))
    assert short.values.size == MOST_RUNS
    assert short.nodes[:2] == ("n0", "n1")


def test_what_stands_for_a_night_is_put_down_to_no_node():
    [found] = series_of(history(fleet(10, MOST_RUNS // 10 + 1)))
    assert set(found.nodes) == {""}


@pytest.mark.parametrize("nights", [12, 700])
def test_a_fleet_that_loses_a_fifth_in_one_night_is_a_regression_of_the_system(nights):
    runs = fleet(nights + 1, 2400 // nights + 1, lambda night: 800.0 if night == nights else 1000.0)
    result = verdict(*runs)
    [finding] = result.findings
    assert (finding.state, finding.category, finding.node) == ("regression", "regression", "")
    assert finding.since == FIRST_NIGHT + timedelta(days=nights)
    assert result.exit_code == REGRESSED


def test_a_fleet_on_which_nothing_changes_stays_clean():
    runs = fleet(13, 200)
    assert verdict(*runs).findings == []


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-10, 10)), min_size=1), st.integers(1, 9))
def test_those_that_stand_for_a_night_have_its_median_amid_them(made, most):
    nights = np.array([night for night, _ in made])
    values = np.array([value for _, value in made])
    with mock.patch("perflogs.series.MOST_RUNS", most * np.unique(nights).size):
        kept = thinned(values, nights)
    assert kept.tolist() == sorted(set(kept))
    for night in set(nights):
        everything, some = values[nights == night], values[kept][nights[kept] == night]
        assert some.size == min(everything.size, max(most, LEAST_A_NIGHT))
        assert some.min() <= np.median(everything) <= some.max()


def test_a_history_without_any_time_has_no_series():
    assert list(series_of(history([]))) == []
