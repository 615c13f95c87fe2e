"""What references are learnt from: nightly runs of the best accepted level, and nothing else."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from simulated_history import Run, history, series

from perflogs.baselines.learning import Wanted, best_accepted, learn
from perflogs.series import MOST_RUNS, series_of
from perflogs.statistics.bounds import CannotBound, bounds
from perflogs.statistics.judgement import Judgement, Segment

WANTED = Wanted("pearl", "nightly", minimum_runs=10, rate=0.001)


def noise(level, runs, seed=1, share=0.01):
    """Gaussian noise of one level."""
    return np.random.default_rng(seed).normal(level, share * level, runs)


def taught(runs, **changes):
    """The only lesson of these runs."""
    lessons, left_out = learn(history(runs), replace(WANTED, **changes))
    assert not left_out
    (lesson,) = lessons
    return lesson


def refusal(runs, **changes):
    """Why nothing was learnt of these runs."""
    lessons, left_out = learn(history(runs), replace(WANTED, **changes))
    assert not lessons
    (found,) = left_out
    return found.why


def test_the_value_is_the_median_of_its_runs():
    values = noise(1000, 21)
    lesson = taught(series(values))
    assert lesson.bounds.value == pytest.approx(np.median(values), rel=1e-5)
    assert -0.1 < lesson.bounds.lower < -0.02
    assert (lesson.runs, lesson.first, lesson.last) == (21, date(2026, 1, 1), date(2026, 1, 21))
    assert (lesson.segment, lesson.segments) == (1, 1)
    assert lesson.case.keys == {"preset": "nightly", "num_gpus": 1}


def test_a_regression_is_never_learnt_from():
    values = [*noise(1000, 30), *noise(900, 60, seed=2)]
    lesson = taught(series(values))
    assert lesson.bounds.value == pytest.approx(1000, rel=0.01)
    assert (lesson.runs, lesson.segment, lesson.segments) == (30, 1, 2)


def test_a_regression_of_a_metric_whose_lower_values_are_better_is_never_learnt_from():
    values = [*noise(10, 30), *noise(11, 60, seed=2)]
    lesson = taught(series(values, metric="epoch_seconds"))
    assert lesson.bounds.value == pytest.approx(10, rel=0.01)
    assert (lesson.bounds.lower, lesson.runs) == (None, 30)


def test_an_improvement_is_learnt_from():
    values = [*noise(1000, 60), *noise(1100, 30, seed=2)]
    lesson = taught(series(values))
    assert lesson.bounds.value == pytest.approx(1100, rel=0.01)
    assert (lesson.first, lesson.segment) == (date(2026, 3, 2), 2)


def test_an_improvement_with_few_runs_is_waited_for():
    values = [*noise(1000, 60), *noise(1200, 6, seed=2)]
    assert refusal(series(values)) == "6 runs of its best level, and 10 are needed"


def test_too_few_runs_teach_nothing():
    assert "9 runs" in refusal(series(noise(1000, 9)))
    assert "20 are needed" in refusal(series(noise(1000, 15)), minimum_runs=20)


def test_runs_of_other_campaigns_are_never_learnt_from():
    nightly = series(noise(1000, 20))
    others = [
        replace(run, hour=4.0, campaign=campaign, figures={"throughput": 500.0})
        for run in nightly
        for campaign in ("ad hoc", "upgrade", "acceptance", "published")
    ]
    assert taught([*nightly, *others]) == taught(nightly)
    assert taught([*nightly, *others], campaign="ad hoc").bounds.value == 500.0


def test_failed_runs_and_other_systems_change_nothing():
    nightly = series(noise(1000, 20))
    failed = [replace(run, hour=5.0, result="fail", fail_phase="sanity") for run in nightly]
    elsewhere = [replace(run, system="scarf", figures={"throughput": 1.0}) for run in nightly]
    assert taught([*nightly, *failed, *elsewhere]) == taught(nightly)


def test_runs_that_missed_a_reference_are_learnt_from():
    nightly = series(noise(1000, 20))
    missed = [replace(run, result="fail", fail_phase="performance") for run in nightly]
    assert taught(missed) == taught(nightly)


def test_the_newest_version_of_a_workload_is_fitted_and_older_ones_are_named():
    old = series(noise(1000, 30), key={"workload_version": "1"})
    new = [
        replace(run, night=run.night + 30, key={"workload_version": "2"})
        for run in series(noise(800, 20))
    ]
    lessons, left_out = learn(history([*old, *new]), WANTED)
    assert [round(each.bounds.value, -2) for each in lessons] == [800]
    assert [each.why for each in left_out] == [
        "there are newer runs: workload_version is 2 there, not 1"
    ]


def test_of_series_of_the_same_night_the_one_with_more_runs_is_fitted():
    # Whatever they are called.
    for one, other in (("1", str(number)) for number in range(2, 9)):
        often = series(noise(1000, 30), key={"seed": one})
        seldom = [replace(run, hour=3.0, key={"seed": other}) for run in often[15:]]
        lessons, _ = learn(history([*often, *seldom]), WANTED)
        assert [each.runs for each in lessons] == [30]


def test_records_that_lack_a_key_of_newer_ones_are_left_out():
    old = series(noise(1000, 30), name="SkylineTrain %num_gpus=2", case={"preset": "nightly"})
    new = [replace(run, night=run.night + 5) for run in series(noise(1000, 30))]
    lessons, left_out = learn(history([*old, *new]), WANTED)
    assert [each.case.keys for each in lessons] == [{"preset": "nightly", "num_gpus": 1}]
    assert "older than the keys" in left_out[0].why


def test_records_that_do_not_say_their_case_are_left_out():
    assert "reference_case" in refusal(series(noise(1000, 30), case={}))


def test_a_metric_that_some_runs_lack_is_not_learnt():
    """A reference would fail the runs that do not report it."""
    runs = [
        replace(run, figures={"epoch_seconds": 10.0, **(run.figures if run.night % 7 else {})})
        for run in series(noise(1000, 30))
    ]
    lessons, left_out = learn(history(runs), WANTED)
    assert [each.metric for each in lessons] == ["epoch_seconds"]
    assert [each.why for each in left_out] == ["4 of the runs since 2026-01-02 do not report it"]


def test_of_a_fleet_all_runs_are_learnt_from():
    nodes = MOST_RUNS // 10 + 50
    values = iter(noise(1000, 10 * nodes))
    runs = [
        Run(night=night, hour=node / nodes, nodes=f"n{node}", figures={"throughput": next(values)})
        for night in range(10)
        for node in range(nodes)
    ]
    lesson = taught(runs)
    everything = bounds(np.array(noise(1000, 10 * nodes)), "higher", WANTED.rate)
    assert 0.98 * 10 * nodes < lesson.runs <= 10 * nodes
    assert lesson.bounds.lower == pytest.approx(everything.lower, abs=0.001)
    [left_out] = learn(history([*runs[:-1], replace(runs[-1], figures={})]), WANTED)[1]
    assert left_out.why.startswith("1 of the runs since")


def test_a_metric_without_a_direction_is_not_learnt():
    found = history(series(noise(1000, 30)))
    found = replace(
        found,
        figures=found.figures.with_columns(better=found.figures["better"].replace("higher", "")),
    )
    assert learn(found, WANTED) == ([], [])


def test_check_metric_and_partition_restrict_what_is_learnt():
    runs = [
        replace(run, figures={"throughput": 1000.0, "epoch_seconds": 5.0}, **place)
        for run in series(noise(1, 20))
        for place in (
            {},
            {"partition": "cpu"},
            {"name": "SlstrTrain %num_gpus=1"},
        )
    ]
    found = history(runs)
    every, _ = learn(found, WANTED)
    assert len(every) == 6
    some, _ = learn(found, replace(WANTED, checks=["SkylineTrain"], partitions=["gpu"]))
    assert {(each.case.check, each.case.partition) for each in some} == {("SkylineTrain", "gpu")}
    metrics, _ = learn(found, replace(WANTED, metrics=["epoch_seconds"]))
    assert [each.metric for each in metrics] == ["epoch_seconds"] * 3


def test_what_must_not_change_is_learnt_from_its_last_level():
    values = [0.5] * 20 + [0.6] * 15
    lesson = taught(series(values, metric="loss_step100"))
    assert (lesson.bounds.value, lesson.runs) == (0.6, 15)
    assert lesson.bounds.lower == -lesson.bounds.upper == -1e-6


def choice(levels, accepted, better="higher", minimum=10, runs=20):
    """The number of the segment that is learnt from."""
    metric = {"higher": "throughput", "lower": "epoch_seconds", "equal": "loss_step100"}[better]
    (only,) = series_of(history(series(np.repeat(levels, runs), metric=metric)))
    segments = [
        Segment(runs * number, runs * (number + 1), level, 0.01, is_accepted)
        for number, (level, is_accepted) in enumerate(zip(levels, accepted, strict=True))
    ]
    return best_accepted(only, Judgement(tuple(segments)), minimum)[0]


def test_the_last_of_levels_that_hardly_differ_is_learnt_from():
    assert choice([1000, 1015, 1005], [True, True, True]) == 3


def test_a_better_earlier_level_is_learnt_from_where_the_last_is_worse_by_what_counts():
    assert choice([1000, 1100, 1000], [True, True, True]) == 2
    assert choice([10, 9, 10], [True, True, True], better="lower") == 2


def test_a_level_that_is_not_accepted_is_never_learnt_from():
    assert choice([1000, 1100, 1005], [True, False, False]) == 1
    with pytest.raises(CannotBound, match="no segment"):
        choice([1000], [False])


def test_where_no_direction_is_better_the_last_accepted_level_is_learnt_from():
    assert choice([3, 1, 2], [True, True, False], better="equal") == 2


def test_a_case_is_learnt_wherever_its_runs_were():
    runs = [replace(run, nodes=f"n{run.night % 4}") for run in series(noise(1000, 20))]
    assert taught(runs).runs == 20


def test_a_run_without_figures_is_no_lesson():
    assert learn(history([Run(figures={})]), WANTED) == ([], [])
