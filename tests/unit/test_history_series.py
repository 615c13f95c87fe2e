"""Series are cut where figures are no longer comparable, and stay short enough to be judged."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from simulated_history import Run, history, series

from perflogs.series import MOST_RUNS, median_runs, series_of


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


def test_the_identity_of_a_series_is_the_same_with_more_nights():
    first, second = (next(iter(series_of(history(series([1.0] * n))))).identity for n in (3, 9))
    assert first == second


def test_of_many_runs_a_night_the_median_stands_for_the_night():
    nodes = MOST_RUNS // 10 + 1
    runs = [
        Run(night=night, hour=node / nodes, nodes=f"n{node}", figures={"throughput": 1.0 + node})
        for night in range(10)
        for node in range(nodes)
    ]
    [found] = series_of(history(runs))
    assert found.values.tolist() == [1.0 + nodes // 2] * 10
    assert found.nodes == (f"n{nodes // 2}",) * 10
    assert len(set(found.runs)) == 10
    [short] = series_of(history(runs[: MOST_RUNS - 1]))
    assert short.values.size == MOST_RUNS - 1


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-10, 10)), min_size=1))
def test_half_of_a_night_is_not_above_its_median_run(made):
    nights = np.array([night for night, _ in made])
    values = np.array([value for _, value in made])
    kept = median_runs(values, nights)
    assert nights[kept].tolist() == sorted(set(nights))
    for index in kept:
        here = values[nights == nights[index]]
        assert (here < values[index]).sum() <= (here.size - 1) / 2
        assert (here > values[index]).sum() <= here.size / 2


def test_a_history_without_any_time_has_no_series():
    assert list(series_of(history([]))) == []
