"""A node that is slow whenever it is drawn gets a verdict of its own, until it has healed."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from history_verdicts import findings_of, verdict
from simulated_history import FIRST_NIGHT, Run

from perflogs.exit_codes import CLEAN, REGRESSED
from perflogs.statistics.analysis import analyse
from perflogs.statistics.judge import judge
from perflogs.statistics.slow_nodes import slow_nodes

FLEET = ["n1", "n2", "n3", "n4"]


def drawn(seed: int, nights: int = 80, first: int = 40, last: int = 10_000, factor: float = 0.8):
    """One node of four a night, by chance; n2 is slow from the night `first` to `last`."""
    random = np.random.default_rng(seed)
    nodes = random.integers(4, size=nights)
    slow = (nodes == 1) & (np.arange(nights) >= first) & (np.arange(nights) < last)
    values = 1000 * (1 + 0.01 * random.standard_normal(nights)) * np.where(slow, factor, 1)
    return values, [FLEET[node] for node in nodes], np.flatnonzero(slow)


def slow(values, nodes, better="higher"):
    return judge(values, nodes, better, "relative").slow


def runs(values, nodes) -> list[Run]:
    """A run a night."""
    return [
        Run(night=night, figures={"throughput": float(value)}, nodes=node)
        for night, (value, node) in enumerate(zip(values, nodes, strict=True))
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_node_that_becomes_slow_is_named_since_its_first_slow_run(seed):
    values, nodes, bad = drawn(seed)
    [change] = slow(values, nodes)
    assert (change.node, change.start) == ("n2", bad[0])
    assert change.difference == pytest.approx(-0.2, abs=0.01)
    assert change.low < -0.2 < change.high
    assert change.before.level == pytest.approx(1000, rel=0.01)
    assert judge(values, nodes, "higher", "relative").regression is None


def test_three_bad_runs_confirm_a_node_and_two_do_not():
    nodes = list(np.resize(FLEET, 60))
    values = 1000 * np.resize(1 + 0.01 * np.array([0, 1, -1, 0.5, -0.5]), 60)
    for bad, confirmed in (([41, 45], False), ([41, 45, 49], True)):
        made = values.copy()
        made[bad] *= 0.8
        assert bool(slow(made[: bad[-1] + 4], nodes[: bad[-1] + 4])) == confirmed


@pytest.mark.parametrize(("score", "named"), [(4.2, False), (6.0, True)])
def test_in_a_long_series_an_effect_that_chance_may_have_made_names_no_node(score, named):
    values, nodes, _ = drawn(0, nights=1000)
    found = analyse(values, nodes, "higher", "relative")
    [effect] = found.effects
    made = replace(effect, error=abs(effect.size) / score)
    assert bool([*slow_nodes(replace(found, effects=(made,)))]) is named


def test_of_two_bad_runs_and_a_good_one_nothing_is_made():
    nodes = ["n2" if night in (20, 24, 28) else "n1" for night in range(40)]
    values = np.full(40, 1000.0)
    values[[20, 24]] *= 0.8
    assert slow(values, nodes) == ()


def test_a_node_that_is_good_again_is_no_longer_slow():
    values, nodes, _ = drawn(0, nights=160, first=40, last=80)
    assert [change.node for change in slow(values[:90], nodes[:90])] == ["n2"]
    assert slow(values, nodes) == ()


def test_a_fast_node_is_no_finding_and_for_a_time_a_long_one_is():
    values, nodes, _ = drawn(0, factor=1.2)
    assert slow(values, nodes) == ()
    assert [change.node for change in slow(values, nodes, "lower")] == ["n2"]
    assert slow(values, nodes, "") == ()


def test_nodes_that_are_only_used_together_are_named_together():
    values, nodes, _ = drawn(0)
    [change] = slow(values, [node.replace("n2", "n2,n9") for node in nodes])
    assert change.node == "n2,n9"


@pytest.mark.parametrize("noise", ["gaussian", "heavy tails", "slow nights"])
def test_where_nothing_is_slow_no_node_is_named(noise):
    random = np.random.default_rng(1)
    for _ in range(20):
        strays = random.standard_t(3, 200) if noise == "heavy tails" else random.normal(size=200)
        values = 1000 * (1 + 0.02 * strays)
        if noise == "slow nights":
            values *= np.where(random.random(200) < 0.03, random.uniform(0.75, 0.92, 200), 1)
        nodes = [f"n{node}" for node in random.integers(10, size=200)]
        assert not any(slow(values[:nights], nodes[:nights]) for nights in range(50, 201, 10))


def test_a_slow_node_is_a_finding_of_class_hardware_that_the_exit_code_knows():
    values, nodes, bad = drawn(3)
    result = verdict(*runs(values, nodes))
    [finding] = [each for each in result.findings if each.state == "regression"]
    assert (finding.category, finding.node, finding.nodes) == ("hardware", "n2", ("n2",))
    assert finding.reason == "worse than other nodes whenever it is drawn"
    assert finding.since == FIRST_NIGHT + timedelta(days=int(bad[0]))
    assert result.exit_code == REGRESSED
    assert verdict(*runs(*drawn(3, factor=1.0)[:2])).exit_code == CLEAN


def test_a_node_that_was_always_slow_says_so():
    [finding] = findings_of("regression", *runs(*drawn(3, first=0)[:2]))
    assert finding.node == "n2"
    assert "as long as it is known" in finding.reason


def test_the_cause_is_what_changed_on_the_node():
    values, nodes, _ = drawn(3)
    made = [
        Run(
            night=run.night,
            figures=run.figures,
            nodes=run.nodes,
            columns={"driver_version": "2" if run.nodes == "n2" and run.night >= 40 else "1"},
        )
        for run in runs(values, nodes)
    ]
    [finding] = findings_of("regression", *made)
    assert finding.causes == ("driver 1 -> 2",)


def test_a_node_that_was_not_drawn_for_a_month_is_not_accused_any_more():
    values, nodes, _ = drawn(3, nights=120)
    later = [*nodes[:85], *(node.replace("n2", "n1") for node in nodes[85:])]
    values = np.where((np.arange(120) >= 85) & (values < 900), 1000.0, values)
    made = runs(values, later)
    assert [each.node for each in findings_of("regression", *made[:90])] == ["n2"]
    assert findings_of("regression", *made) == []
