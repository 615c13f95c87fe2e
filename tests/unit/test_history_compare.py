"""Two parts of a simulated history: which runs they are, what is paired, and what is said of it."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_history import Run, history, series

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.fleet.comparison import compare
from perflogs.fleet.contrast import Margins
from perflogs.fleet.selection import UnusableSelection, select
from perflogs.statistics.comparison import BETTER, CHANGED, EQUIVALENT, INCONCLUSIVE, WORSE

MARGINS = Margins(0.02, 0.005)
FORTNIGHT = [Run(night=night) for night in range(14)]


def compared(runs, a="14d..7d", b="7d..", metrics=(), margins=MARGINS):
    whole = history(runs)
    sides = select(a, whole.runs), select(b, whole.runs)
    return compare(whole, *sides, margins, set(metrics))


def only(runs, *arguments, **named):
    (contrast,) = compared(runs, *arguments, **named).contrasts
    return contrast


def noisy(nights=14, level=1000.0, seed=0, **fields):
    rng = np.random.default_rng(seed)
    return series(level * (1 + 0.005 * rng.standard_normal(nights)), **fields)


def lowered(runs, by=0.1, since=7):
    return [
        replace(run, figures={name: value * (1 - by) for name, value in run.figures.items()})
        if run.night >= since
        else run
        for run in runs
    ]


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("7d..", date(2026, 1, 8), date(2026, 1, 14), 7),
        ("1w..", date(2026, 1, 8), date(2026, 1, 14), 7),
        ("14d..7d", date(2026, 1, 1), date(2026, 1, 7), 7),
        ("..7d", date(2026, 1, 1), date(2026, 1, 7), 7),
        ("..", date(2026, 1, 1), date(2026, 1, 14), 14),
        ("2026-01-03..2026-01-05", date(2026, 1, 3), date(2026, 1, 5), 3),
        ("2026-01-13..", date(2026, 1, 13), date(2026, 1, 14), 2),
        ("..2026-01-01", date(2026, 1, 1), date(2026, 1, 1), 1),
    ],
)
def test_periods_are_nights_with_both_ends(text, first, last, count):
    chosen = select(text, history(FORTNIGHT).runs).runs["night"]
    assert (chosen.min(), chosen.max(), len(chosen)) == (first, last, count)


COMMIT = "0123456789abcdef"
VARIED = [
    Run(system="pearl", partition="cpu", nodes="n1", columns={"driver_version": "570"}),
    Run(system="scarf", nodes="n1,n2", columns={"suite_commit": COMMIT}),
    Run(campaign="upgrade", nodes="n3", columns={"image_digest": f"sha256:{COMMIT}"}),
    Run(name="Other %preset=tiny", key={"precision": "bfloat16", "preset": "tiny"}, night=3),
]


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("system=scarf", [1]),
        ("partition=cpu", [0]),
        ("driver=570", [0]),
        ("driver_version=570", [0]),
        (f"commit={COMMIT}", [1]),
        ("suite commit=0123456", [1]),
        ("image=sha256:0123456", [2]),
        ("image=0123456", [2]),
        ("campaign=upgrade", [2]),
        ("node=n1", [0, 1, 3]),
        ("node=n2", [1]),
        ("precision=bfloat16", [3]),
        ("num_gpus=1,partition=gpu,system=pearl", [2, 3]),
        ("..2026-01-01,system=pearl", [0, 2]),
        ("check=Other", [3]),
    ],
)
def test_runs_are_chosen_by_what_they_have(text, chosen):
    assert select(text, history(VARIED).runs).runs["run"].to_list() == chosen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour=red", "nothing to choose runs by: there are .*driver"),
        ("driver=1", "no run has driver=1: there is 570"),
        ("kernel=1", "no value at all"),
        ("2030-01-01..", "the history has nights 2026-01-01 to 2026-01-04"),
        ("7d", "neither a period"),
        ("x..", "neither a night"),
        ("99999d..", "neither a night"),
        ("", "neither a period"),
    ],
)
def test_a_selection_without_runs_says_what_there_is(text, said):
    with pytest.raises(UnusableSelection, match=said):
        select(text, history(VARIED).runs)


def test_runs_on_both_sides_are_refused():
    with pytest.raises(UnusableSelection, match="7 runs are in"):
        compared(FORTNIGHT, "14d..", "7d..")


def test_an_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(UnusableSelection, match="there are throughput"):
        compared(FORTNIGHT, metrics=["speed"])


def test_a_slower_second_week_is_worse_by_as_much_as_it_is_slower():
    found = only(lowered(noisy()))
    assert (found.verdict, found.method) == (WORSE, "7 and 7 runs on the same node")
    assert found.low < found.change < found.high < 0
    assert found.change == pytest.approx(-0.1, abs=0.01)
    assert found.low <= -0.1 <= found.high


def test_swapping_the_weeks_makes_it_better_by_the_inverse_factor():
    worse = only(lowered(noisy()))
    better = only(lowered(noisy()), "7d..", "14d..7d")
    assert better.verdict == BETTER
    assert (1 + better.change) * (1 + worse.change) == pytest.approx(1)
    assert (1 + better.low) * (1 + worse.high) == pytest.approx(1)


def test_two_equal_weeks_are_equivalent():
    comparison = compared(noisy())
    assert [each.verdict for each in comparison.contrasts] == [EQUIVALENT]
    assert comparison.exit_code == CLEAN


def test_noise_is_inconclusive_and_says_what_could_have_been_seen():
    rng = np.random.default_rng(4)
    comparison = compared(series(1000 * (1 + 0.1 * rng.standard_normal(14))))
    (found,) = comparison.contrasts
    assert found.verdict == INCONCLUSIVE
    assert 0.02 < found.visible < 0.3
    assert found.more > 7
    assert comparison.exit_code == NOT_JUDGED


def test_three_runs_on_each_side_are_too_few():
    found = only(lowered(noisy(6), since=3), "6d..3d", "3d..")
    assert (found.verdict, found.low, found.more) == (INCONCLUSIVE, None, None)
    assert found.change == pytest.approx(-0.1, abs=0.01)
    assert "too few" in found.reason


def test_a_wider_margin_lets_a_loss_pass():
    runs = lowered(noisy(), by=0.04)
    assert only(runs).verdict == WORSE
    assert only(runs, margins=Margins(0.06, 0.005)).verdict == EQUIVALENT


def test_seconds_that_fall_are_better():
    assert only(lowered(noisy(metric="epoch_seconds"))).verdict == BETTER


def test_accuracies_are_compared_by_their_difference():
    worse = only(lowered(noisy(level=0.9, metric="test_accuracy"), by=0.02))
    assert worse.change == pytest.approx(-0.018, abs=0.005)
    assert worse.verdict == WORSE


def test_figures_that_are_not_above_0_cannot_be_compared_relatively():
    found = only(series([0.0] * 14))
    assert (found.verdict, found.change) == (INCONCLUSIVE, None)


def fleet(level=1000.0, **fields):
    """One run in each of two weeks on each of eight nodes of very different speed."""
    return [
        Run(
            night=night,
            nodes=f"n{node}",
            figures={"throughput": level * (1 + 0.3 * node) * (1 + 0.001 * node * (night > 6))},
            **fields,
        )
        for night in (3, 10)
        for node in range(1, 9)
    ]


def test_six_nodes_or_more_are_compared_in_pairs():
    found = only(lowered(fleet(), by=0.05))
    assert (found.verdict, found.method) == (WORSE, "8 nodes in pairs")
    assert found.change == pytest.approx(-0.05, abs=0.01)


def test_three_draws_of_a_slow_node_do_not_look_like_a_slower_system():
    fast = noisy(nights=14, nodes="n1")
    slow = noisy(nights=14, level=800.0, seed=1, nodes="n2")
    few = [run for run in slow if run.night < 4]
    many = [run for run in slow if run.night > 6]
    found = only([*fast, *few, *many])
    assert found.method == "11 and 14 runs on the same nodes"
    assert abs(found.change) < 0.01


def test_a_node_that_both_have_is_not_all_where_most_runs_were_elsewhere():
    runs = [
        replace(run, nodes="n1" if run.night in (0, 7) else f"n{2 + (run.night > 6)}")
        for run in lowered(noisy())
    ]
    assert only(runs).method == "7 and 7 runs"


def test_sides_without_a_node_in_common_are_two_samples():
    runs = [replace(run, nodes=f"n{1 + (run.night > 6)}") for run in lowered(noisy())]
    assert only(runs).method == "7 and 7 runs"


def test_nodes_are_compared_with_each_other():
    runs = [*noisy(nodes="n1"), *lowered(noisy(seed=1, nodes="n2"), since=0)]
    found = only(runs, "node=n1", "node=n2")
    assert (found.verdict, found.method) == (WORSE, "14 and 14 runs")


def test_systems_are_compared_by_test_and_the_other_device_is_said():
    runs = [
        *noisy(system="pearl", key={"device_name": "A100"}),
        *noisy(system="scarf", partition="amd", level=2000.0, key={"device_name": "H100"}),
    ]
    found = only(runs, "system=pearl", "system=scarf")
    assert found.verdict == BETTER
    assert found.pair.notes == ("device_name A100 -> H100",)
    assert found.change == pytest.approx(1.0, abs=0.01)


def test_devices_are_paired_with_themselves_where_both_sides_have_them():
    runs = [
        run
        for device, level in (("A100", 1000.0), ("H100", 2000.0))
        for run in noisy(level=level, key={"device_name": device})
    ]
    comparison = compared(runs)
    assert [each.verdict for each in comparison.contrasts] == [EQUIVALENT] * 2


def test_another_dataset_is_not_compared_and_it_is_said():
    runs = [replace(run, key={"dataset": "b" if run.night > 6 else "a"}) for run in noisy()]
    comparison = compared(runs)
    assert comparison.contrasts == []
    assert "dataset a -> b" in comparison.left[0]
    assert comparison.exit_code == NOT_JUDGED


def test_datasets_are_compared_where_that_is_asked_for():
    runs = [replace(run, key={"dataset": "b" if run.night > 6 else "a"}) for run in noisy()]
    assert only(runs, "dataset=a", "dataset=b").verdict == EQUIVALENT


def on_storage(storage, night, **fields):
    case = {"num_gpus": 1, "storage": storage}
    return Run(f"Train %num_gpus=1 %storage={storage}", night=night, case=case, **fields)


def test_a_parameter_in_the_names_of_cases_can_be_compared():
    runs = [on_storage(kind, night) for kind in ("network", "scratch") for night in range(7)]
    found = only(runs, "storage=network", "storage=scratch")
    assert (found.pair.name, found.verdict) == ("Train %num_gpus=1", EQUIVALENT)


def test_another_parameter_may_have_other_metrics():
    staged = {"throughput": 1000.0, "total_seconds": 3.0}
    runs = [on_storage("scratch", night, figures=staged) for night in range(7)]
    runs += [on_storage("network", night) for night in range(7, 14)]
    found = compared(runs, "storage=scratch", "storage=network")
    assert (found.losses, found.left) == ([], ["Train %num_gpus=1 total_seconds: only in A"])


def test_a_case_of_one_side_alone_is_said():
    runs = [*noisy(), *(run for run in noisy(name="Other") if run.night > 6)]
    comparison = compared(runs)
    assert comparison.left == ["pearl gpu builtin Other: only in B"]


def test_failed_runs_change_nothing():
    failed = lowered(noisy(result="fail", fail_phase="sanity"), by=0.5)
    with_failed, without = only([*noisy(), *failed]), only(noisy())
    assert with_failed.change == without.change


def loss(night, value=0.6, **fields):
    return Run(night=night, figures={"loss_step100": value}, **fields)


def test_a_loss_that_differs_with_the_same_software_is_worse():
    found = only([loss(night, 0.6 if night < 7 else 0.7) for night in range(14)])
    assert (found.verdict, found.reason) == (WORSE, "with the same software")


def test_a_loss_that_differs_with_other_software_has_changed():
    runs = [
        loss(night, 0.6 if night < 7 else 0.7, columns={"driver_version": str(night > 6)})
        for night in range(14)
    ]
    comparison = compared(runs)
    assert [each.verdict for each in comparison.contrasts] == [CHANGED]
    assert comparison.exit_code == CLEAN


def test_a_loss_that_differs_with_another_batch_has_changed():
    runs = [
        loss(night, 0.5 + size / 100, case={"batch_size": size})
        for night, size in enumerate([16] * 7 + [32] * 7)
    ]
    assert only(runs, "batch_size=16", "batch_size=32").verdict == CHANGED


def test_a_loss_that_differs_on_another_device_has_changed():
    runs = [
        loss(night, 0.6 if night < 7 else 0.7, key={"device_name": str(night > 6)})
        for night in range(14)
    ]
    assert only(runs).verdict == CHANGED
    assert only(runs, "device_name=False", "device_name=True").verdict == CHANGED


def test_the_same_loss_is_equivalent():
    assert only([loss(night) for night in range(14)]).verdict == EQUIVALENT


def test_a_loss_over_several_nodes_cannot_be_judged():
    assert only([loss(night, nodes="n1,n2") for night in range(14)]).verdict == INCONCLUSIVE


def test_a_bad_node_of_a_that_is_mended_makes_nothing_worse():
    runs = [
        loss(night, 0.7 if night < 7 and night % 5 == 3 else 0.6, nodes=f"n{night % 5}")
        for night in range(14)
    ]
    assert only(runs).verdict == EQUIVALENT


def test_a_bad_node_of_b_is_worse_by_its_own_value():
    runs = [
        loss(night, 0.7 if night > 6 and night % 5 == 3 else 0.6, nodes=f"n{night % 5}")
        for night in range(14)
    ]
    found = only(runs)
    assert (found.verdict, found.reason) == (WORSE, "with the same software, on n3")
    assert found.change == pytest.approx(0.1)


def test_what_one_node_of_a_had_and_all_of_b_have_is_worse():
    runs = [
        loss(night, 0.7 if night > 6 or night % 5 == 3 else 0.6, nodes=f"n{night % 5}")
        for night in range(14)
    ]
    found = only(runs)
    assert (found.verdict, found.change) == (WORSE, pytest.approx(0.1))


def test_nodes_of_two_systems_are_not_the_same_ones():
    there = [replace(run, system="scarf") for run in fleet(level=2000.0)]
    found = only([*fleet(), *there], "system=pearl", "system=scarf")
    assert found.method == "16 and 16 runs"
    assert only(lowered(fleet())).method == "8 nodes in pairs"


def test_devices_of_two_systems_need_the_systems_as_well():
    runs = [
        *noisy(system="pearl", key={"device_name": "V100"}),
        *noisy(system="scarf", key={"device_name": "A100"}),
    ]
    comparison = compared(runs, "device_name=V100", "device_name=A100")
    assert comparison.exit_code == NOT_JUDGED
    assert comparison.left[0] == (
        "A is of pearl, B of scarf: add system=pearl to A and system=scarf to B"
    )
    both = "system=pearl,device_name=V100", "system=scarf,device_name=A100"
    assert only(runs, *both).verdict == EQUIVALENT


def test_what_else_changed_is_said():
    runs = [replace(run, columns={"driver_version": str(570 + (run.night > 6))}) for run in noisy()]
    assert compared(runs).events == {"driver": (["570"], ["571"])}


def test_the_worst_comes_first():
    runs = [
        *noisy(name="Same"),
        *lowered(noisy(name="Worse"), by=0.1),
        *lowered(noisy(name="Worst"), by=0.2),
        *lowered(noisy(name="Better"), by=-0.2),
    ]
    comparison = compared(runs)
    names = [each.pair.name for each in comparison.contrasts]
    assert names == ["Worst", "Worse", "Better", "Same"]
    assert comparison.exit_code == REGRESSED


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(500, 1500), min_size=8, max_size=8),
    st.floats(1e-3, 1e3),
)
def test_scaling_all_figures_changes_nothing(values, scale):
    before = only(series(values), "8d..4d", "4d..")
    after = only(series([scale * value for value in values]), "8d..4d", "4d..")
    assert after.change == pytest.approx(before.change, abs=1e-9)
    assert after.low == pytest.approx(before.low, abs=1e-9)
    assert after.high == pytest.approx(before.high, abs=1e-9)
