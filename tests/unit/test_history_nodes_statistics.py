"""Nodes among their peers: arrays to judge by hand, and noise in which nobody is guilty."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perflogs.statistics.failing_nodes import failing_nodes
from perflogs.statistics.peers import (
    CHANCE_CONFIRMED,
    medians_of_others,
    peer_levels,
    unsteady_nodes,
    worse_nodes,
)

SMALLEST = 0.02
FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def fleet(nights, nodes, scatter=0.01, seed=0):
    """Deviations (a row for each night, a column for each node) of Gaussian noise."""
    return scatter * np.random.default_rng(seed).standard_normal((nights, nodes))


def found(rule, deviations, family=None):
    """What `rule` finds among deviations by night and node; NaN is a node that did not run."""
    nights, nodes = deviations.shape
    numbers = np.tile(np.arange(nodes), nights)
    ran = np.isfinite(deviations.ravel())
    return rule(deviations.ravel()[ran], numbers[ran], SMALLEST, family or nodes)


def confirmed(rule, deviations, family=None):
    return [each.node for each in found(rule, deviations, family) if each.confirmed]


@given(st.lists(FINITE, min_size=2, max_size=9))
def test_each_value_is_compared_with_the_median_of_all_others(values):
    expected = [np.median(values[:i] + values[i + 1 :]) for i in range(len(values))]
    assert medians_of_others(np.array(values)) == pytest.approx(expected)


def test_peers_are_those_of_the_same_night():
    values = np.array([10.0, 11, 12, 13, 99, 20, 21, 22, 23, 99])
    nodes = np.tile(np.arange(5), 2)
    nights = np.repeat([3, 4], 5)
    levels = peer_levels(values, nodes, nights)
    assert levels.tolist() == [12.5, 12.5, 12, 11.5, 11.5, 22.5, 22.5, 22, 21.5, 21.5]


def test_a_night_with_too_few_nodes_looks_at_the_nights_around_it():
    values = np.array([10.0, 11, 12, 13, 50, 1000, 1000, 1000, 1000])
    nodes = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8])
    nights = np.array([3, 3, 3, 3, 4, 9, 9, 9, 9])
    assert peer_levels(values, nodes, nights)[4] == 11.5


def test_runs_of_the_same_node_are_not_its_peers():
    values = np.array([1.0, 1, 1, 1, 5, 6, 7, 8])
    nodes = np.array([0, 0, 0, 0, 1, 2, 3, 4])
    assert peer_levels(values, nodes, np.zeros(8, int))[0] == 6.5


def test_four_nodes_are_too_few_to_compare():
    assert np.isnan(peer_levels(np.arange(4.0), np.arange(4), np.zeros(4, int))).all()


def test_a_node_that_is_slow_in_three_runs_is_confirmed_since_the_first_of_them():
    deviations = fleet(7, 20)
    deviations[4:, 3] += 0.10
    (only,) = found(worse_nodes, deviations)
    assert (only.node, only.confirmed, only.bad, only.runs) == (3, True, 3, 3)
    assert only.start == 4 * 20 + 3
    assert only.size == pytest.approx(0.10, abs=0.02)


@pytest.mark.parametrize("runs", [1, 2])
def test_a_node_that_is_slow_in_fewer_runs_is_a_suspect(runs):
    deviations = fleet(7, 500, scatter=0.002)
    deviations[-runs:, 3] += 0.10
    (only,) = found(worse_nodes, deviations)
    assert (only.node, only.confirmed) == (3, False)


def test_three_bad_runs_confirm_a_node_of_five_but_not_one_of_thousands_that_are_looked_at():
    deviations = fleet(3, 5, scatter=0.002)
    deviations[:, 3] += 0.10
    assert confirmed(worse_nodes, deviations, family=5) == [3]
    assert confirmed(worse_nodes, deviations, family=5000) == []


def test_a_node_that_is_as_good_as_its_peers_again_is_no_longer_found():
    deviations = fleet(9, 20)
    deviations[1:6, 3] += 0.10
    assert found(worse_nodes, deviations) == []


def test_a_better_node_is_no_finding():
    deviations = fleet(7, 20)
    deviations[:, 3] -= 0.10
    assert found(worse_nodes, deviations) == []


def test_a_change_smaller_than_what_counts_is_no_finding_however_sure():
    deviations = fleet(7, 20, scatter=1e-5)
    deviations[:, 3] += 0.9 * SMALLEST
    assert found(worse_nodes, deviations) == []
    deviations[:, 3] += 0.2 * SMALLEST
    assert confirmed(worse_nodes, deviations) == [3]


def test_nodes_without_any_scatter_are_judged_by_what_counts():
    deviations = np.zeros((7, 6))
    deviations[:, 2] = 0.03
    assert confirmed(worse_nodes, deviations) == [2]


def test_two_broken_nodes_do_not_excuse_each_other():
    deviations = fleet(5, 20)
    deviations[:, [3, 5, 7, 9, 11]] += 0.15
    assert confirmed(worse_nodes, deviations) == [3, 5, 7, 9, 11]


def test_the_edge_of_an_ordinary_scatter_of_nodes_is_no_finding_though_it_stays_there():
    steady = 0.02 * np.random.default_rng(2).standard_normal(1000)
    deviations = fleet(7, 1000, scatter=0.002) + steady
    assert deviations.mean(axis=0).max() > 3 * 0.02
    assert confirmed(worse_nodes, deviations, family=15_000) == []


def test_what_happens_to_many_nodes_needs_more_runs_to_confirm_one():
    quiet, rough = fleet(7, 200), fleet(7, 200)
    slow = np.random.default_rng(3).random(rough.shape) < 0.03
    rough[slow] += 0.2
    for deviations in (quiet, rough):
        deviations[:, 7] = fleet(7, 1, seed=4)[:, 0]
        deviations[-3:, 7] += 0.2

    assert confirmed(worse_nodes, quiet, family=3000) == [7]
    assert 7 not in confirmed(worse_nodes, rough, family=3000)
    rough[:4, 7] += 0.2
    assert 7 in confirmed(worse_nodes, rough, family=3000)


def test_a_throttling_node_is_unsteady():
    deviations = fleet(9, 20)
    deviations[[1, 3, 4, 8], 5] += 0.2
    (only,) = found(unsteady_nodes, deviations)
    assert (only.node, only.confirmed, only.bad, only.runs) == (5, True, 4, 9)
    assert only.score > 5


def test_a_node_that_becomes_slow_and_stays_so_is_not_unsteady():
    deviations = fleet(9, 20)
    deviations[6:, 5] += 0.2
    assert found(unsteady_nodes, deviations) == []
    assert confirmed(worse_nodes, deviations) == [5]


def test_one_wild_run_does_not_make_a_node_unsteady():
    deviations = fleet(9, 20)
    deviations[4, 5] += 0.3
    assert found(unsteady_nodes, deviations) == []


def test_a_node_that_varies_twice_as_much_as_its_peers_is_no_finding():
    deviations = fleet(9, 20)
    deviations[:, 5] = [0, 0.04, -0.005, 0.04, 0.005, -0.04, 0, 0.005, -0.005]
    assert found(unsteady_nodes, deviations) == []


def test_no_runs_are_no_finding():
    nothing = np.array([])
    for rule in (worse_nodes, unsteady_nodes):
        assert rule(nothing, nothing.astype(int), SMALLEST, 1) == []


@settings(max_examples=30)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_numbers_that_nodes_have_do_not_matter(seed, random):
    deviations = fleet(6, 8, seed=seed)
    deviations[2:, 1] += 0.15
    order = list(range(8))
    random.shuffle(order)
    names = [order[each.node] for each in found(worse_nodes, deviations[:, order])]
    assert sorted(names) == [each.node for each in found(worse_nodes, deviations)]


@settings(max_examples=30)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_scale_does_not_matter_where_the_smallest_change_has_it_too(seed, scale):
    deviations = fleet(6, 8, seed=seed)
    deviations[2:, 1] += 0.15
    numbers = np.tile(np.arange(8), 6)
    before = worse_nodes(deviations.ravel(), numbers, SMALLEST, 8)
    after = worse_nodes(scale * deviations.ravel(), numbers, scale * SMALLEST, 8)
    assert [(each.node, each.confirmed, each.bad) for each in before] == [
        (each.node, each.confirmed, each.bad) for each in after
    ]


def noise(kind, rng, shape):
    plain = 0.02 * rng.standard_normal(shape)
    if kind == "outliers":
        return plain + (rng.random(shape) < 0.03) * rng.uniform(0.08, 0.25, shape)

    return plain if kind == "Gaussian" else 0.02 * rng.standard_t(3, shape) / np.sqrt(3)


@pytest.mark.parametrize("kind", ["Gaussian", "outliers", "heavy tails"])
@pytest.mark.parametrize("nodes", [10, 200])
def test_in_a_quarter_of_a_year_of_noise_no_node_is_confirmed(kind, nodes):
    rng = np.random.default_rng(nodes)
    nights = noise(kind, rng, (90, nodes))
    for last in range(7, 91):
        window = nights[last - 7 : last]
        for rule in (worse_nodes, unsteady_nodes):
            assert confirmed(rule, window, family=15 * nodes) == []


def failures(nodes, nights, rate, seed):
    """A run of each node in each night, of which such a share fails by chance."""
    failed = np.random.default_rng(seed).random(nodes * nights) < rate
    return failed, np.tile(np.arange(nodes), nights)


@pytest.mark.parametrize(("nodes", "rate"), [(200, 0.02), (20, 0.05), (8, 0.1)])
def test_failures_that_may_happen_anywhere_confirm_no_node(nodes, rate):
    for seed in range(100):
        found = failing_nodes(*failures(nodes, 7, rate, seed), nodes)
        assert not any(each.confirmed for each in found)


def test_a_node_that_fails_every_night_is_found_among_failures_of_others():
    failed, nodes = failures(20, 7, 0.05, 0)
    (found,) = failing_nodes(failed | (nodes == 3), nodes, 20)
    assert (found.node, found.confirmed, found.bad, found.runs) == (3, True, 7, 7)


def test_two_failures_are_a_suspect_however_rare_they_are():
    failed, nodes = failures(200, 7, 0.0, 0)
    failed[5 * 200 + 3] = failed[6 * 200 + 3] = True
    (found,) = failing_nodes(failed, nodes, 200)
    assert found.chance <= CHANCE_CONFIRMED
    assert (found.node, found.confirmed, found.bad) == (3, False, 2)


def test_five_nodes_are_needed_to_say_that_one_fails():
    _, nodes = failures(5, 7, 0.0, 0)
    assert [each.node for each in failing_nodes(nodes == 3, nodes, 5)] == [3]
    few = nodes[nodes < 4]
    assert failing_nodes(few == 3, few, 4) == []


def test_without_failures_there_is_nothing_to_say():
    failed, nodes = failures(20, 7, 0.0, 0)
    assert failing_nodes(failed, nodes, 20) == []
    assert failing_nodes(failed[:0], nodes[:0], 0) == []
