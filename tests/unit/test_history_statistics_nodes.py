"""The node is accounted for: a slow one does not look like a slower system, nor the other way."""

import numpy as np
import pytest

from perflogs.statistics.judge import judge
from perflogs.statistics.node_effects import effects, summed
from perflogs.statistics.nodes import membership

#: Noise of about 1 %, always the same.
NINE = 1 + 0.01 * np.array([0.0, 1.0, -1.0, 0.5, -0.5, 1.5, -1.5, 0.25, -0.25])
FLEET = [f"n{number}" for number in range(20)]


def noisy(nights):
    return 100.0 * np.resize(NINE, nights)


def on(names, nights):
    """The nodes of so many nights, taking turns."""
    return list(np.resize(np.array(names), nights))


def verdict(values, nodes, better="higher"):
    return judge(np.asarray(values), nodes, better, "relative")


def added(positions, where, deviation, smallest):
    """What nodes are said to add to each run."""
    return summed(effects(positions, where, deviation, smallest), positions.size)


def test_nodes_are_read_from_texts():
    where = membership(["n1,n5", "", "n5"])
    assert where.names == ("n1", "n5")
    assert where.member.tolist() == [[True, True], [False, False], [False, True]]
    assert membership(["", ""]).names == ()
    assert membership([]).member.shape == (0, 0)


@pytest.mark.parametrize("loss", [0.1, 0.25])
def test_four_draws_of_one_slow_node_are_that_node(loss):
    values = noisy(44)
    values[40:] *= 1 - loss
    nodes = on(["n1", "n2", "n3"], 40) + ["n117"] * 4
    regression = verdict(values, nodes).regression
    assert (regression.start, regression.node) == (40, "n117")


def test_three_draws_of_one_slow_node_are_that_node_where_there_is_hardly_any_noise():
    values = np.r_[np.full(40, 100.0), np.full(3, 90.0)]
    nodes = on(["n1", "n2", "n3"], 40) + ["n117"] * 3
    assert verdict(values, nodes).regression.node == "n117"


def test_a_change_seen_on_two_nodes_is_the_system():
    values = noisy(46)
    values[40:] *= 0.9
    nodes = on(["n1", "n2", "n3"], 40) + on(["n117", "n118"], 6)
    regression = verdict(values, nodes).regression
    assert (regression.start, regression.node) == (40, "")


@pytest.mark.parametrize("name", ["n1", ""])
def test_a_change_on_the_only_node_there_ever_was_is_the_system(name):
    values = noisy(46)
    values[40:] *= 0.9
    assert verdict(values, [name] * 46).regression.node == ""


def test_a_change_on_a_node_that_was_good_until_just_before_is_the_system():
    values = noisy(46)
    values[40:] *= 0.9
    nodes = [*on(["n1", "n2"], 40), *["n1"] * 6]
    assert verdict(values, nodes).regression.node == ""


def test_a_good_run_elsewhere_amid_the_slow_ones_does_not_hide_the_node():
    values = noisy(47)
    values[[40, 41, 42, 44, 45, 46]] *= 0.8
    nodes = [*on(["n1", "n2"], 40), *["n117"] * 3, "n1", *["n117"] * 3]
    regression = verdict(values, nodes).regression
    assert (regression.start, regression.node) == (40, "n117")


def test_a_run_of_the_slow_node_that_was_good_by_chance_does_not_hide_it():
    values = noisy(47)
    values[[40, 41, 42, 44, 45, 46]] *= 0.8
    regression = verdict(values, [*on(["n1", "n2"], 40), *["n117"] * 7]).regression
    assert (regression.start, regression.node) == (40, "n117")


def test_a_slow_node_is_found_among_the_nodes_of_large_runs():
    values = noisy(46)
    values[40:] *= 0.85
    before = on(["n1,n2", "n3,n4", "n1,n4", "n2,n3"], 40)
    after = on(["n1,n9", "n9,n3", "n2,n9"], 6)
    assert verdict(values, before + after).regression.node == "n9"
    assert verdict(values, before + on(["n8,n9"], 6)).regression.node == "n8,n9"
    assert verdict(values, before + on(["n1,n4", "n2,n3"], 6)).regression.node == ""


def test_a_slow_node_that_is_left_again_explains_the_improvement():
    values = noisy(60)
    values[40:48] *= 0.85
    nodes = on(["n1", "n2", "n3"], 40) + ["n117"] * 8 + on(["n1", "n2", "n3"], 12)
    judgement = verdict(values, nodes)
    assert judgement.regression is None
    assert judgement.improvement.node == "n117"


def test_the_suspect_is_on_the_node_that_no_good_run_was_on():
    values = np.r_[noisy(45), 85.0]
    assert verdict(values, [*on(["n1", "n2"], 45), "n117"]).suspect.node == "n117"
    assert verdict(values, [*on(["n1", "n2"], 45), "n1"]).suspect.node == ""
    assert verdict(values, ["n1"] * 46).suspect.node == ""


def test_a_node_that_is_slow_whenever_it_is_drawn_has_an_effect_of_its_own():
    positions = np.log(noisy(90))
    nodes = on(["n1", "n2", "n3", "n4", "n5"], 90)
    slow = np.array([name == "n3" for name in nodes])
    positions[slow] += np.log(0.9)
    found = added(positions, membership(nodes), 0.01, 0.02)
    assert found[slow] == pytest.approx(np.log(0.9), abs=5e-3)
    assert not found[~slow].any()


def test_amid_noise_hardly_any_node_has_an_effect():
    found = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        positions = 0.1 * random.standard_t(3, 400)
        where = membership([f"n{node}" for node in random.integers(30, size=400)])
        found.append(added(positions, where, 0.1, 0.02).any())
    assert sum(found) <= 2


def test_a_node_used_alone_in_an_era_has_no_effect_of_its_own():
    positions = np.log(noisy(90))
    positions[45:] += np.log(0.9)
    found = added(positions, membership(["n1"] * 45 + ["n2"] * 45), 0.01, 0.02)
    assert not found.any()


def test_a_node_that_was_drawn_only_once_has_no_effect_of_its_own():
    positions = np.log(noisy(60))
    positions[30:34] += np.log(0.8)
    nodes = on(["n1", "n2"], 30) + ["n3"] * 4 + on(["n1", "n2"], 26)
    assert not added(positions, membership(nodes), 0.01, 0.02).any()


def test_an_effect_needs_three_runs_amid_those_of_other_nodes():
    positions = np.log(noisy(60))
    nodes = np.array(on(["n1", "n2"], 60), dtype=object)
    for drawn, found in (([20, 40, 59], False), ([20, 40, 50], True)):
        slow, names = positions.copy(), nodes.copy()
        slow[drawn] += np.log(0.8)
        names[drawn] = "n3"
        assert added(slow, membership(names), 0.01, 0.02).any() == found


def test_an_effect_that_is_too_small_to_count_is_left_where_it_is():
    positions = np.log(noisy(90)) / 20
    nodes = on(["n1", "n2", "n3", "n4", "n5"], 90)
    positions[[name == "n3" for name in nodes]] += 0.008
    assert not added(positions, membership(nodes), 0.0005, 0.02).any()
    assert added(positions, membership(nodes), 0.0005, 0.01).any()


def test_a_slow_node_that_is_drawn_for_six_nights_again_and_again_is_known_by_then():
    values = noisy(72)
    nodes = [name for name in on(["n1", "n2", "n3", "n4"], 12) for _ in range(6)]
    values[[name == "n3" for name in nodes]] *= 0.9
    for nights in range(62, 73):
        judgement = verdict(values[:nights], nodes[:nights])
        assert judgement.regression is judgement.suspect is None
        assert len(judgement.segments) == 1


def test_a_step_of_the_system_is_no_effect_of_nodes():
    positions = np.log(noisy(90))
    positions[45:] += np.log(0.9)
    found = added(positions, membership(on(["n1", "n2", "n3", "n4", "n5"], 90)), 0.01, 0.02)
    assert not found.any()


def simulated(seed, slow=0.0, change=0.0, nights=300, first=200):
    random = np.random.default_rng(seed)
    drawn = random.integers(len(FLEET), size=nights)
    values = 1_000 * (1 + 0.02 * random.standard_normal(nights))
    values[drawn == 7] *= 1 - slow
    values[first:] *= 1 + change
    return values, [FLEET[number] for number in drawn]


@pytest.mark.parametrize("seed", range(5))
def test_one_slow_node_of_twenty_is_no_slower_system(seed):
    values, nodes = simulated(seed, slow=0.1)
    for nights in range(60, 300, 20):
        assert verdict(values[:nights], nodes[:nights]).regression is None


@pytest.mark.parametrize("seed", range(5))
def test_beside_a_slow_node_a_slower_system_is_found(seed):
    values, nodes = simulated(seed, slow=0.1, change=-0.05)
    regression = verdict(values, nodes).regression
    assert abs(regression.start - 200) <= 6
    assert regression.node == ""
    assert regression.difference == pytest.approx(-0.05, abs=0.01)
