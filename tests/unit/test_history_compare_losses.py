"""What B has lost of A: cases that fail, metrics that it no longer reports, figures that are 0."""

from dataclasses import replace

import pytest
from simulated_history import Run, history

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.fleet.comparison import compare
from perflogs.fleet.contrast import Margins
from perflogs.fleet.selection import select
from perflogs.statistics.comparison import BETTER, INCONCLUSIVE, WORSE


def nights(first, last, **fields):
    return [
        Run(
            night=night,
            figures={"throughput": 1000.0 + night % 3, "test_accuracy": 0.9},
            columns={"driver_version": "550" if night < 10 else "560"},
            **fields,
        )
        for night in range(first, last)
    ]


def failed(runs, **fields):
    given = {"result": "fail", "fail_phase": "sanity", "failure_class": "judgement", **fields}
    return [replace(run, figures={}, **given) for run in runs]


def compared(runs, a="driver=550", b="driver=560", metrics=()):
    whole = history(runs)
    sides = select(a, whole.runs), select(b, whole.runs)
    return compare(whole, *sides, Margins(0.02, 0.005), set(metrics))


def said(comparison):
    return [(each.name, each.metric, each.reason) for each in comparison.losses]


SOUND = nights(0, 20, name="Same")


def test_a_case_that_fails_in_b_is_a_regression():
    comparison = compared([*SOUND, *nights(0, 10, name="A"), *failed(nights(10, 20, name="A"))])
    assert said(comparison) == [("A", "", "failed in B: 10 of 10 runs (in A: 0 of 10)")]
    assert comparison.exit_code == REGRESSED
    assert comparison.left == []


def test_a_case_that_fails_clearly_more_often_is_a_regression():
    now = nights(10, 20)
    comparison = compared([*nights(0, 10), *now[:4], *failed(now[4:])])
    assert [reason for *_, reason in said(comparison)] == [
        "failed in B: 6 of 10 runs (in A: 0 of 10)"
    ]
    one = compared([*nights(0, 10), *now[:9], *failed(now[9:])])
    assert (said(one), one.exit_code) == ([], CLEAN)


def test_a_case_that_failed_before_is_nothing_new():
    before = nights(0, 10)
    comparison = compared([*SOUND, *before[:1], *failed(before[1:]), *failed(nights(10, 20))])
    assert said(comparison) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"failure_class": "not scheduled", "fail_phase": "run"},
        {"result": "skip"},
        {"result": "fail_deps"},
    ],
)
def test_what_never_ran_in_b_has_not_failed(fields):
    comparison = compared(
        [*SOUND, *nights(0, 10, name="A"), *failed(nights(10, 20, name="A"), **fields)]
    )
    assert said(comparison) == []
    assert comparison.left == ["pearl gpu builtin A: only in A"]


def without_accuracy(runs):
    return [replace(run, figures={"throughput": 1000.0 + run.night % 3}) for run in runs]


def test_a_metric_that_is_no_longer_reported_is_a_regression():
    runs = [*nights(0, 10), *without_accuracy(nights(10, 20))]
    comparison = compared(runs)
    assert [(metric, reason) for _, metric, reason in said(comparison)] == [
        ("test_accuracy", "no longer reported: by none of 10 sound runs in B (by 10 of 10 in A)")
    ]
    assert comparison.exit_code == REGRESSED
    assert said(compared(runs, metrics=["throughput"])) == []


def test_a_case_without_any_figure_in_b_has_lost_its_metrics():
    gone = [replace(run, figures={"throughput": float("nan")}) for run in nights(10, 20)]
    comparison = compared([*nights(0, 10), *gone])
    assert [metric for _, metric, _ in said(comparison)] == ["test_accuracy", "throughput"]


def test_another_version_or_system_may_have_other_metrics():
    newer = without_accuracy(nights(10, 20, key={"workload_version": "2"}))
    assert said(compared([*SOUND, *nights(0, 10), *newer])) == []
    there = without_accuracy(nights(10, 20, system="scarf"))
    other = compared([*nights(0, 10), *there], "system=pearl", "system=scarf")
    assert said(other) == []
    assert other.left == ["SkylineTrain %num_gpus=1 %preset=nightly test_accuracy: only in A"]


def test_a_metric_that_a_rarely_had_is_not_missed():
    before = nights(0, 10)
    runs = [*before[:4], *without_accuracy(before[4:]), *without_accuracy(nights(10, 20))]
    assert said(compared(runs)) == []


def rates(levels):
    return [
        replace(run, figures={"throughput": level})
        for run, level in zip(nights(0, 20), levels, strict=True)
    ]


def test_a_throughput_of_0_is_worse():
    runs = rates([1000.0] * 10 + [0.0] * 10)
    (found,) = compared(runs).contrasts
    assert (found.verdict, found.change) == (WORSE, -1.0)
    half = rates([1000.0] * 10 + [0.0, 1000.0] * 5)
    assert compared(half).contrasts[0].verdict == INCONCLUSIVE


def test_a_level_of_0_in_a_has_no_fraction():
    comparison = compared(rates([0.0] * 10 + [1000.0] * 10))
    (found,) = comparison.contrasts
    assert (found.verdict, found.change) == (INCONCLUSIVE, None)
    assert found.reason == "compared relatively, but A is not above 0"
    assert comparison.exit_code == NOT_JUDGED
    few = rates([1000.0] * 9 + [0.0] + [1200.0] * 10)
    assert compared(few).contrasts[0].verdict == BETTER
