"""Metrics that must not change: a node that computes something else, and software that does."""

import pytest
from simulated_history import Run, history

from perflogs.judging.finding import Finding
from perflogs.judging.fingerprints import fingerprint_findings
from perflogs.series import series_of

OLD, NEW = {"tensorflow_version": "2.20"}, {"tensorflow_version": "2.21"}


def found(
    *values: tuple[str, float], software: list[dict[str, str]] | None = None, **fields: str
) -> list[Finding]:
    """The findings of a series with these nodes and values, one a night."""
    software = software or [OLD] * len(values)
    runs = [
        Run(night=night, nodes=nodes, figures={"loss_step100": value}, columns=columns, **fields)
        for night, ((nodes, value), columns) in enumerate(zip(values, software, strict=True))
    ]
    made = history(runs)
    [series] = series_of(made)
    return list(fingerprint_findings(series, made.runs))


def test_the_same_value_everywhere_is_no_finding() -> None:
    assert found(("n1", 0.25), ("n2", 0.25), ("n1", 0.25)) == []


def test_a_node_that_computes_something_else_is_named_at_once() -> None:
    [finding] = found(("n1", 0.25), ("n2", 0.25), ("n3", 0.25000001))
    assert (finding.state, finding.category, finding.node) == ("regression", "hardware", "n3")
    assert finding.reason.startswith("loss_step100 is 0.25000001 on n3, 0.25 elsewhere")


def test_it_stands_until_three_runs_of_the_node_agree_again() -> None:
    values = [("n1", 0.25), ("n2", 0.25), ("n3", 0.26)]
    again = [("n3", 0.25)]
    [first] = found(*values)
    [still] = found(*values, *again * 2)
    assert still.identity == first.identity
    assert still.since == first.since
    assert found(*values, *again * 3) == []


def test_what_begins_after_three_right_runs_is_since_then() -> None:
    right, wrong = ("n3", 0.25), ("n3", 0.26)
    [finding] = found(("n1", 0.25), ("n2", 0.25), wrong, right, right, right, wrong, right)
    assert str(finding.since) == "2026-01-07"


def test_two_nodes_that_are_wrong_are_two_findings() -> None:
    good = [("n1", 0.25), ("n2", 0.25), ("n3", 0.25)]
    names = {each.node for each in found(*good, ("n4", 0.3), ("n5", 0.4))}
    assert names == {"n4", "n5"}


def test_a_machine_that_differs_from_itself_is_found_without_others() -> None:
    [finding] = found(*[("", 0.25)] * 5, ("", 0.26))
    assert (finding.category, finding.node) == ("hardware", "")
    assert "a node unknown" in finding.reason


def test_a_node_that_differs_from_itself_has_no_voice() -> None:
    values = [("n1", 0.25), *[("n2", 0.26)] * 3, *[("n2", 0.27)] * 3]
    [finding] = found(*values)
    assert finding.node == "n2"


def test_where_two_nodes_disagree_and_nothing_tells_which_is_right_both_are_named() -> None:
    findings = found(("n1", 0.25), ("n2", 0.26))
    assert [each.node for each in findings] == ["n1", "n2"]
    assert all("no value is on most nodes" in each.reason for each in findings)


def test_with_other_software_another_value_is_a_change_that_alarms_nobody() -> None:
    values = [("n1", 0.25)] * 3 + [("n1", 0.26)] * 3
    [finding] = found(*values, software=[OLD] * 3 + [NEW] * 3)
    assert (finding.state, finding.category) == ("change", "")
    assert finding.causes == ("TensorFlow 2.20 -> 2.21",)


def test_with_other_software_and_the_same_value_nothing_is_said() -> None:
    assert found(*[("n1", 0.25)] * 6, software=[OLD] * 3 + [NEW] * 3) == []


def test_a_node_is_judged_by_those_with_the_same_software() -> None:
    values = [("n1", 0.25)] * 3 + [("n1", 0.26), ("n2", 0.26), ("n3", 0.25)]
    [change] = [each for each in found(*values, software=[OLD] * 3 + [NEW] * 3) if not each.node]
    [node] = [each for each in found(*values, software=[OLD] * 3 + [NEW] * 3) if each.node]
    assert change.state == "change"
    assert node.node == "n3"


@pytest.mark.parametrize(("value", "wrong"), [(0.2501, False), (0.26, True)])
def test_runs_on_several_nodes_may_differ_in_rounding(value: float, wrong: bool) -> None:
    together = [("n1,n2", 0.25), ("n1,n2", 0.25), ("n3,n4", 0.25), ("n5,n6", value)]
    assert bool(found(*together)) is wrong


@pytest.mark.parametrize(("value", "wrong"), [(0.2501, False), (0.26, True)])
def test_runs_of_several_processes_may_differ_in_rounding(value: float, wrong: bool) -> None:
    values = [("n1", 0.25), ("n2", 0.25), ("n3", value)]
    assert bool(found(*values, name="Train %process_per=gpu")) is wrong
    assert found(*values, name="Train %process_per=node")


def test_a_value_that_changes_on_all_nodes_is_one_finding_of_the_system() -> None:
    nodes = ["n1", "n2", "n3", "n4", "n5"]
    kernels = [{**OLD, "kernel_version": "6.1"}] * 10 + [{**OLD, "kernel_version": "6.2"}] * 15
    values = [(node, 0.25) for node in nodes * 2] + [(node, 0.26) for node in nodes * 3]
    for nights in (12, 15, 20, 25):
        [finding] = found(*values[:nights], software=kernels[:nights])
        assert (finding.state, finding.category, finding.node) == ("regression", "regression", "")
        assert str(finding.since) == "2026-01-11"
        assert finding.causes == ("kernel 6.1 -> 6.2",)
        assert finding.nodes == tuple(nodes[: nights - 10])
        assert finding.reason.startswith("loss_step100 is 0.26 on all nodes, 0.25 before")


def test_of_one_node_that_was_right_before_the_system_is_not_accused() -> None:
    values = [("n1", 0.25), ("n2", 0.25), ("n3", 0.25), ("n3", 0.26), ("n3", 0.26), ("n9", 0.26)]
    assert {each.node for each in found(*values)} == {"n3", "n9"}


def test_a_node_that_was_wrong_before_all_others_moved_stays_named() -> None:
    values = [*[(node, 0.25) for node in ("n1", "n2", "n3")], ("n4", 0.3)]
    findings = found(*values, ("n1", 0.26), ("n2", 0.26))
    assert sorted(each.node for each in findings) == ["", "n4"]


def commits(count: int, **others: str) -> list[dict[str, str]]:
    """Another commit of the suite for each of so many nights."""
    return [{**OLD, "suite_commit": f"{night:040x}", **others} for night in range(count)]


def test_a_sick_node_is_found_although_the_suite_changes_every_night() -> None:
    nodes = ["n1", "n2", "n3", "n4"] * 4
    values = [(node, 0.26 if node == "n3" else 0.25) for node in nodes]
    [finding] = found(*values, software=commits(16))
    assert (finding.state, finding.category, finding.node) == ("regression", "hardware", "n3")


def test_a_value_that_came_with_other_software_and_went_with_it_accuses_no_node() -> None:
    values = [("n1", 0.25), ("n2", 0.25), ("n3", 0.26), ("n1", 0.25), ("n2", 0.25)]
    software = [{**each, **NEW} if n == 2 else each for n, each in enumerate(commits(5))]
    assert all(each.state == "change" for each in found(*values, software=software))


def test_the_only_node_there_is_is_not_accused_of_what_a_commit_does() -> None:
    values = [("n1", 0.25), ("n1", 0.26), ("n1", 0.25)]
    assert [each.state for each in found(*values, software=commits(3))] == ["change"]


def test_a_value_that_stays_with_a_commit_of_the_suite_is_a_change() -> None:
    values = [(node, 0.25) for node in ("n1", "n2")] + [(node, 0.26) for node in ("n3", "n1", "n2")]
    [finding] = found(*values, software=commits(5))
    assert finding.state == "change"
