"""Nodes of a simulated fleet: who is found, compared with whom, and who was not looked at."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from simulated_history import FIRST_NIGHT, Run, history

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.fleet.coverage import EVER_SEEN, GIVEN, RECORDED, coverage
from perflogs.fleet.differing import trusted_value
from perflogs.fleet.drift import drift
from perflogs.fleet.finding import DIFFERENT, FAILING, UNSTEADY, WORSE
from perflogs.fleet.folding import folded
from perflogs.fleet.verdict import judge_fleet
from perflogs.fleet.wording import reason

BEFORE = FIRST_NIGHT - timedelta(days=1)
LOSS = 0.6931471805599453


def fleet(nights=5, nodes=8, **fields):
    """A run of each node in each night, with throughput around 1000 and the same loss."""
    rng = np.random.default_rng(nodes)
    return [
        Run(
            night=night,
            nodes=f"n{node}",
            figures={
                "throughput": 1000 * (1 + 0.005 * rng.standard_normal()),
                "loss_step100": LOSS,
            },
            **fields,
        )
        for night in range(nights)
        for node in range(1, nodes + 1)
    ]


def changed(runs, which, **figures):
    """The runs with other figures where `which` holds; a callable gets the figure that was."""
    return [
        replace(
            run,
            figures={
                name: figures[name](value) if name in figures else value
                for name, value in run.figures.items()
            },
        )
        if which(run)
        else run
        for run in runs
    ]


def slow(runs, node="n3", since=0, by=0.1):
    return changed(
        runs,
        lambda run: run.nodes == node and run.night >= since,
        throughput=lambda value: value * (1 - by),
    )


def judge(runs, since=BEFORE, total=None):
    return judge_fleet(history(runs), since, FIRST_NIGHT + timedelta(days=100), total)


def said(verdict):
    return [(each.node, each.kind, each.certainty, each.metric) for each in verdict.findings]


def test_a_sound_fleet_has_no_findings():
    verdict = judge(fleet())
    assert (said(verdict), verdict.exit_code, len(verdict.judged)) == ([], CLEAN, 8)


def test_a_slow_node_is_confirmed_with_its_deviation_and_first_night():
    verdict = judge(slow(fleet(nights=7), since=3))
    assert said(verdict) == [("n3", WORSE, "confirmed", "throughput")]
    (finding,) = verdict.findings
    assert finding.difference == pytest.approx(-0.1, abs=0.02)
    assert (finding.since, finding.throughout) == (FIRST_NIGHT + timedelta(days=3), False)
    assert (finding.bad, finding.runs, verdict.exit_code) == (4, 4, REGRESSED)


def test_a_node_that_was_always_slow_may_have_begun_earlier():
    (finding,) = judge(slow(fleet())).findings
    assert finding.throughout


def test_a_slow_node_is_only_a_suspect_in_its_first_bad_night():
    verdict = judge(slow(fleet(), since=4))
    assert said(verdict) == [("n3", WORSE, "suspect", "throughput")]
    assert verdict.exit_code == CLEAN


def test_lower_is_worse_and_higher_is_better_as_the_record_says():
    fast = slow(fleet(), by=-0.2)
    assert judge(fast).findings == []
    seconds = [replace(run, figures={"epoch_seconds": run.figures["throughput"]}) for run in fast]
    (finding,) = judge(seconds).findings
    assert finding.difference == pytest.approx(0.2, abs=0.02)


def test_a_metric_near_nought_is_compared_in_its_unit():
    runs = [replace(run, figures={"test_accuracy": 0.5}) for run in fleet()]
    worse = changed(runs, lambda run: run.nodes == "n2", test_accuracy=lambda value: value - 0.006)
    assert said(judge(worse)) == [("n2", WORSE, "confirmed", "test_accuracy")]
    hardly = changed(runs, lambda run: run.nodes == "n2", test_accuracy=lambda value: value - 0.004)
    assert judge(hardly).findings == []


def test_a_throttling_node_is_unsteady():
    runs = changed(
        fleet(nights=9),
        lambda run: run.nodes == "n3" and run.night in (1, 3, 4, 7),
        throughput=lambda value: value * 0.8,
    )
    assert (("n3", UNSTEADY, "confirmed", "throughput")) in said(judge(runs))


def test_a_slower_system_makes_no_slow_node():
    runs = changed(fleet(), lambda run: run.night >= 3, throughput=lambda value: value * 0.7)
    assert judge(runs).findings == []


def with_driver(runs, nodes, driver="560"):
    return [
        replace(run, columns={"driver_version": driver if run.nodes in nodes else "570"})
        for run in runs
    ]


def test_five_nodes_with_another_driver_are_other_peers():
    nodes = ["n1", "n2", "n3", "n4", "n5"]
    runs = fleet(nodes=20)
    for node in nodes:
        runs = slow(runs, node)

    assert judge(with_driver(runs, nodes)).findings == []


def test_a_node_alone_with_its_driver_is_compared_with_all_and_the_driver_is_said():
    runs = with_driver(slow(fleet()), ["n3"])
    verdict = judge(runs)
    assert said(verdict) == [("n3", WORSE, "confirmed", "throughput")]
    (finding,) = verdict.findings
    assert finding.causes == "driver 560, 570 on most others"
    assert finding.difference == pytest.approx(-0.1, abs=0.02)
    assert "perhaps for its driver 560" in reason(finding)
    assert judge(with_driver(fleet(), ["n3"])).findings == []


def test_a_driver_that_the_others_got_later_is_no_cause():
    runs = [run for run in slow(fleet()) if run.nodes != "n3" or run.night < 4]
    later = [
        replace(run, columns={"driver_version": "560" if run.night < 4 else "570"}) for run in runs
    ]
    (finding,) = judge(later).findings
    assert (finding.node, finding.causes) == ("n3", "")


def test_a_node_that_tries_another_image_is_not_compared_with_all():
    runs = [
        replace(run, columns={"image_digest": "sha256:b" if run.nodes == "n3" else "sha256:a"})
        for run in slow(fleet())
    ]
    assert judge(runs).findings == []


def failing(runs, nodes, nights=range(100), **fields):
    given = {"fail_phase": "sanity", "failure_class": "hardware", "fail_reason": "2 ECC errors"}
    return [
        replace(run, result="fail", figures={}, **{**given, **fields})
        if run.nodes in nodes and run.night in nights
        else run
        for run in runs
    ]


def test_a_node_that_fails_where_its_peers_pass_is_confirmed():
    verdict = judge(failing(fleet(), ["n3"]))
    assert said(verdict) == [("n3", FAILING, "confirmed", "")]
    (finding,) = verdict.findings
    assert (finding.bad, finding.runs, finding.throughout) == (5, 5, True)
    assert verdict.exit_code == REGRESSED
    assert "2 ECC errors" in reason(finding)
    assert "  " not in reason(finding)


def test_two_broken_nodes_do_not_excuse_each_other():
    verdict = judge(failing(fleet(), ["n3", "n4"]))
    assert sorted(said(verdict)) == [
        ("n3", FAILING, "confirmed", ""),
        ("n4", FAILING, "confirmed", ""),
    ]


def test_two_failures_in_a_row_make_a_suspect():
    verdict = judge(failing(fleet(nights=9, nodes=20), ["n3"], nights=(7, 8)))
    assert said(verdict) == [("n3", FAILING, "suspect", "")]
    assert verdict.exit_code == CLEAN
    assert judge(failing(fleet(nights=9, nodes=20), ["n3"], nights=(8,))).findings == []


def test_a_node_that_passes_again_is_none():
    assert judge(failing(fleet(nights=9), ["n3"], nights=range(6))).findings == []


@pytest.mark.parametrize("count", [3, 4, 8])
def test_a_case_that_fails_on_half_of_the_nodes_accuses_none(count):
    nodes = [f"n{node}" for node in range(1, count + 1)]
    assert judge(failing(fleet(nodes=max(count + 1, 6)), nodes)).findings == []


def test_what_was_not_scheduled_on_a_node_has_not_failed_there():
    runs = failing(fleet(), ["n3"], failure_class="not scheduled", fail_phase="run")
    assert judge(runs).findings == []


def test_every_node_is_compared_where_all_pass_without_figures():
    runs = [replace(run, figures={}) for run in fleet()]
    verdict = judge(runs)
    assert (said(verdict), verdict.exit_code, len(verdict.judged)) == ([], CLEAN, 8)


def test_a_new_image_does_not_interrupt_what_is_known_of_a_node():
    runs = [
        replace(run, columns={"image_digest": "sha256:b" if run.night > 2 else "sha256:a"})
        for run in slow(fleet())
    ]
    runs = changed(runs, lambda run: run.night > 2, throughput=lambda value: value * 2)
    assert said(judge(runs)) == [("n3", WORSE, "confirmed", "throughput")]


def test_nodes_with_another_device_are_other_peers():
    runs = [
        replace(run, key={"device_name": "A100" if run.nodes == "n3" else "H100"})
        for run in slow(fleet())
    ]
    assert judge(runs).findings == []


def test_failed_runs_and_runs_over_several_nodes_change_nothing():
    runs = slow(fleet())
    failed = fleet(result="fail", fail_phase="sanity")
    several = [replace(run, nodes=f"{run.nodes},n99") for run in runs]
    more = slow([*failed, *several], by=0.5)
    alone = judge(runs).findings
    assert judge([*runs, *more]).findings == alone


def test_runs_that_miss_a_reference_are_judged():
    runs = slow(fleet(result="fail", fail_phase="performance"))
    assert said(judge(runs)) == [("n3", WORSE, "confirmed", "throughput")]


def test_four_nodes_cannot_be_judged():
    runs = [replace(run, figures={"throughput": 1000.0}) for run in fleet(nodes=4)]
    verdict = judge(slow(runs))
    assert (said(verdict), verdict.exit_code) == ([], NOT_JUDGED)


def differs(runs, node="n3", nights=(0, 1, 2, 3, 4)):
    return changed(
        runs,
        lambda run: run.nodes == node and run.night in nights,
        loss_step100=lambda value: np.nextafter(value, 1),
    )


def test_one_other_loss_makes_a_suspect_and_two_confirm_it():
    assert said(judge(differs(fleet(), nights=(2,)))) == [
        ("n3", DIFFERENT, "suspect", "loss_step100")
    ]
    verdict = judge(differs(fleet(), nights=(2, 4)))
    assert said(verdict) == [("n3", DIFFERENT, "confirmed", "loss_step100")]
    (finding,) = verdict.findings
    assert (finding.bad, finding.runs, finding.since) == (2, 5, FIRST_NIGHT + timedelta(days=2))


def test_runs_that_the_session_failed_for_their_loss_are_compared():
    runs = [
        replace(run, result="fail", fail_phase="sanity", failure_class="hardware")
        if run.nodes == "n3"
        else run
        for run in differs(fleet())
    ]
    assert said(judge(runs)) == [("n3", DIFFERENT, "confirmed", "loss_step100")]


def test_a_loss_is_compared_with_the_same_software_only():
    runs = [
        replace(run, columns={"tensorflow_version": "2.20" if run.nodes == "n3" else "2.21"})
        for run in differs(fleet())
    ]
    assert judge(runs).findings == []


def test_several_processes_may_differ_in_rounding():
    runs = [replace(run, name=f"{run.name} %process_per=gpu") for run in differs(fleet())]
    assert judge(runs).findings == []


def test_without_a_majority_nobody_is_named_and_it_is_said():
    runs = fleet(nodes=6)
    for node in ("n4", "n5", "n6"):
        runs = differs(runs, node)

    verdict = judge(runs)
    assert said(verdict) == []
    (undecided,) = verdict.undecided
    assert sorted(undecided.nodes_of.values()) == [["n1", "n2", "n3"], ["n4", "n5", "n6"]]


def test_of_two_nodes_nothing_is_said_whatever_they_compute():
    verdict = judge(differs(fleet(nodes=2), "n2"))
    assert (said(verdict), verdict.undecided, verdict.exit_code) == ([], [], NOT_JUDGED)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([("a", 1.0), ("b", 1.0), ("c", 2.0)], 1.0),
        ([("a", 1.0), ("b", 2.0)], None),
        ([("a", 1.0), ("b", 1.0), ("c", 2.0), ("d", 3.0)], None),
        ([("a", 2.0), ("a", 2.0), ("a", 2.0), ("b", 1.0), ("c", 1.0)], 1.0),
        ([("a", 1.0), ("a", 2.0), ("b", 1.0), ("c", 1.0)], 1.0),
        ([("a", 1.0), ("a", 2.0), ("b", 1.0), ("c", 2.0)], None),
    ],
)
def test_a_value_is_trusted_that_more_than_half_of_the_nodes_find(runs, expected):
    assert trusted_value(runs) == expected


def covered(runs, since=BEFORE, total=None):
    return coverage(history(runs), since, total)


def test_coverage_counts_nodes_with_runs_of_their_own_and_names_the_others():
    runs = [
        Run(nodes="n1", night=0),
        Run(nodes="n2", night=2),
        Run(nodes="n3,n4", night=9),
        Run(nodes="n4", night=8),
        Run(nodes="n5", night=9),
        Run(nodes="n6", night=9, result="skip"),
    ]
    (found,) = covered(runs, FIRST_NIGHT + timedelta(days=2))
    assert (found.alone, found.together) == ({"n4", "n5"}, {"n3"})
    assert found.unseen == {"n1": FIRST_NIGHT, "n2": FIRST_NIGHT + timedelta(days=2)}
    assert (found.total, found.basis, found.never_seen) == (5, EVER_SEEN, 0)


def test_the_size_of_a_partition_is_what_is_given_or_was_recorded_last():
    runs = [
        Run(nodes="n1", night=0, columns={"partition_nodes": 100}),
        Run(nodes="n2", night=1, columns={"partition_nodes": 200}),
        Run(nodes="n3", night=2),
    ]
    (recorded,) = covered(runs)
    assert (recorded.total, recorded.basis, recorded.never_seen) == (200, RECORDED, 197)
    (given,) = covered(runs, total=50)
    assert (given.total, given.basis, given.never_seen) == (50, GIVEN, 47)


def test_partitions_are_covered_apart():
    found = covered([Run(nodes="n1"), Run(nodes="n1", partition="cpu"), Run(system="archer")])
    assert [(each.system, each.partition, each.total) for each in found] == [
        ("archer", "gpu", 1),
        ("pearl", "cpu", 1),
        ("pearl", "gpu", 1),
    ]


def test_a_node_with_another_driver_than_its_peers_is_named():
    runs = [
        replace(run, columns={"driver_version": "560" if run.nodes == "n3" else "570"})
        for run in fleet()
    ]
    (found,) = drift(history(runs), BEFORE)
    assert found.what == "driver"
    assert list(found.nodes_of) == ["570", "560"]
    assert found.nodes_of["560"] == ["n3"]


def test_what_all_nodes_have_by_their_last_run_is_no_drift():
    runs = [
        replace(run, columns={"driver_version": "560" if run.nodes == "n3" else "570"})
        if run.night < 3
        else replace(run, columns={"driver_version": "570"})
        for run in fleet()
    ]
    assert drift(history(runs), BEFORE) == []
    assert drift(history([]), BEFORE) == []


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (["n1"], "n1"),
        (["n001", "n002", "n003", "n007"], "n[001-003,007]"),
        (["n9", "n10", "n11"], "n[9-11]"),
        (["n09", "n10", "n100"], "n[09-10], n100"),
        (["rack1-n1", "rack1-n2", "rack2-n1"], "rack1-n[1-2], rack2-n1"),
        (["login", "gpu1.site", "gpu2.site"], "login, gpu[1-2].site"),
        ([], ""),
    ],
)
def test_names_of_many_nodes_are_folded(nodes, expected):
    assert folded(nodes) == expected


def test_only_nights_after_the_given_one_count():
    runs = slow(fleet(nights=10), since=0)
    runs = [run for run in runs if run.nodes != "n3" or run.night < 4]
    later = date(2026, 1, 4)
    assert judge(runs, since=later).findings == []
    assert said(judge(runs)) == [("n3", WORSE, "confirmed", "throughput")]
