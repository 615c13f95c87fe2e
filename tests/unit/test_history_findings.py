"""What is found in a history: what changed, after what, where, and what moves together."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_history import FIRST_NIGHT, Run, history, morning_after, series

from perflogs.judging import judged
from perflogs.judging.finding import Finding
from perflogs.judging.incidents import incidents
from perflogs.judging.verdict import CLEAN, NOT_JUDGED, REGRESSED, Verdict, reach_verdict

TRAIN = "SkylineTrain %num_gpus=1 %preset=nightly"
NODES = ["n1", "n2", "n3", "n4", "n5"]


def noisy(level: float, count: int, seed: int = 0) -> list[float]:
    """So many values around a level, with 1 % of noise."""
    noise = np.random.default_rng(seed).standard_normal(count)
    return [float(level * (1 + 0.01 * each)) for each in noise]


def slower(before: int = 40, after: int = 12, factor: float = 0.9, seed: int = 0) -> list[float]:
    """A throughput that falls after so many nights."""
    return noisy(1000.0, before, seed) + noisy(1000.0 * factor, after, seed + 1)


def spread(values: list[float], **fields: object) -> list[Run]:
    """A run a night, on one node after the other."""
    return [
        Run(night=night, figures={"throughput": value}, nodes=NODES[night % 5], **fields)
        for night, value in enumerate(values)
    ]


def verdict(runs: list[Run], since: date | None = None) -> Verdict:
    """The verdict on these runs, with nothing acknowledged."""
    return reach_verdict(history(runs), {}, morning_after(runs), since)


def found(runs: list[Run], state: str, since: date | None = None) -> list[Finding]:
    """The findings of one kind."""
    return [each for each in verdict(runs, since).findings if each.state == state]


def test_a_constant_series_raises_no_finding() -> None:
    result = verdict(series([1000.0] * 60))
    assert (result.findings, result.exit_code) == ([], CLEAN)


def test_a_regression_says_since_when_by_how_much_and_on_which_nodes() -> None:
    result = verdict(spread(slower()))
    [finding] = result.findings
    assert (finding.state, finding.category) == ("regression", "regression")
    assert finding.since is not None
    assert abs((finding.since - FIRST_NIGHT).days - 40) <= 1
    assert finding.measured is not None
    measured = finding.measured
    assert measured.low is not None
    assert measured.high is not None
    assert measured.low < -0.1 + 0.01
    assert measured.low <= measured.difference <= measured.high < -0.08
    assert finding.nodes == tuple(NODES)
    assert finding.attribution == "the system"
    assert result.exit_code == REGRESSED


def test_an_improvement_changes_no_exit_code_and_is_news_for_two_weeks() -> None:
    result = verdict(spread(slower(factor=1.1)))
    assert [each.state for each in result.findings] == ["improvement"]
    assert result.exit_code == CLEAN
    assert verdict(spread(slower(after=30, factor=1.1))).findings == []


def test_a_suspect_changes_no_exit_code_and_has_the_command_that_repeats_it() -> None:
    result = verdict(spread([*noisy(1000.0, 40), 700.0]))
    [finding] = result.findings
    assert finding.state == "suspect"
    assert finding.again == "reframe -c checks --system=pearl:gpu -n /0123abcd -r"
    assert result.exit_code == CLEAN


def test_what_changed_with_the_figures_is_the_candidate_cause() -> None:
    runs = [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns={"driver_version": "550.1" if night < 40 else "560.2", "kernel_version": "6.1"},
        )
        for night, value in enumerate(slower())
    ]
    [finding] = found(runs, "regression")
    assert finding.causes == ("driver 550.1 -> 560.2",)
    assert finding.attribution == "the system, since driver 550.1 -> 560.2"


@pytest.mark.parametrize(("change", "named"), [(38, True), (42, True), (34, False), (47, False)])
def test_only_what_changed_within_two_runs_is_a_candidate_cause(change: int, named: bool) -> None:
    runs = [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns={"driver_version": "550.1" if night < change else "560.2"},
        )
        for night, value in enumerate(slower(factor=0.8))
    ]
    [finding] = found(runs, "regression")
    assert bool(finding.causes) is named


def test_what_differs_between_nodes_for_good_is_no_cause() -> None:
    runs = [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns={"driver_version": "550.1" if night % 2 else "560.2"},
        )
        for night, value in enumerate(slower())
    ]
    [finding] = found(runs, "regression")
    assert finding.causes == ()


def test_what_one_record_does_not_say_is_no_change() -> None:
    runs = [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns={"driver_version": "" if night < 40 else "560.2"},
        )
        for night, value in enumerate(slower())
    ]
    [finding] = found(runs, "regression")
    assert finding.causes == ()


def test_long_digests_are_cut() -> None:
    digests = ["sha256:" + 64 * "a", "sha256:" + 64 * "b"]
    runs = [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns={"image_digest": digests[night >= 40]},
        )
        for night, value in enumerate(slower())
    ]
    [finding] = found(runs, "regression")
    assert finding.causes == ("image sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb",)


def test_a_slow_node_is_hardware_and_the_case_is_run_again_elsewhere() -> None:
    runs = []
    for night, value in enumerate(noisy(1000.0, 50)):
        node = "n5" if night >= 40 else NODES[night % 4]
        figures = {"throughput": 0.8 * value if night >= 40 else value}
        runs.append(Run(night=night, figures=figures, nodes=node))

    result = verdict(runs)
    [finding] = result.findings
    assert (finding.state, finding.category, finding.node) == ("regression", "hardware", "n5")
    assert finding.attribution == "node n5"
    assert "-J nodelist=n4" in finding.again
    assert result.exit_code == REGRESSED


def test_the_name_of_a_finding_stays_as_more_nights_come() -> None:
    runs = spread(slower(after=20))
    names = {found(runs[:nights], "regression")[0].identity for nights in (52, 55, 60)}
    assert len(names) == 1


def test_a_new_version_of_the_workload_ends_what_was_said_of_the_old_one() -> None:
    old = spread(slower())
    new = [
        Run(night=60 + night, figures={"throughput": value}, key={"workload_version": "2"})
        for night, value in enumerate(noisy(900.0, 10))
    ]
    assert verdict(old).exit_code == REGRESSED
    assert verdict(old + new).exit_code == CLEAN


def test_a_regression_of_a_case_that_has_not_run_for_a_month_says_nothing_of_the_system() -> None:
    others = [Run(name="Other", night=night) for night in range(100)]
    assert found(spread(slower()) + others, "regression") == []


def test_published_results_are_not_judged() -> None:
    published = spread(slower(), system="scarf", campaign="published")
    assert verdict(published + series([1000.0] * 52)).findings == []


def test_partitions_that_are_retired_are_not_judged() -> None:
    retired = spread(slower(), partition="old")
    recent = [Run(night=night) for night in range(150, 200)]
    assert verdict(retired + recent).findings == []


def test_since_leaves_out_what_began_before_and_counts_it() -> None:
    runs = spread(slower())
    later = FIRST_NIGHT + timedelta(days=45)
    result = verdict(runs, since=later)
    assert (result.findings, result.earlier, result.exit_code) == ([], 1, CLEAN)
    assert verdict(runs, since=FIRST_NIGHT + timedelta(days=30)).exit_code == REGRESSED


def test_metrics_and_cases_that_fall_on_the_same_night_are_one_incident() -> None:
    runs = []
    for night, value in enumerate(slower()):
        figures = {"throughput": value, "total_seconds": 5e5 / value}
        for name in (TRAIN, TRAIN.replace("=1", "=2")):
            runs.append(Run(name=name, night=night, figures=figures, nodes=NODES[night % 5]))

    result = verdict(runs)
    [incident] = result.incidents
    assert len(incident.members) == 4
    assert incident.identity.startswith("G-")
    assert {each.state for each in incident.members} == {"regression"}


def change(name: str, **fields: object) -> Finding:
    """A regression of a case, on the first night."""
    given = {"since": FIRST_NIGHT, "category": "regression", "system": "s", "partition": "p"}
    return Finding(f"R-{name}", "regression", name=name, **{**given, **fields})


@pytest.mark.parametrize(
    "other",
    [
        {"partition": "q"},
        {"state": "improvement"},
        {"node": "n1"},
        {"category": "hardware"},
        {"causes": ("driver 1 -> 2",)},
        {"since": FIRST_NIGHT + timedelta(days=3)},
        {"since": None},
    ],
)
def test_what_differs_in_place_direction_node_cause_or_night_is_another_incident(
    other: dict[str, object],
) -> None:
    alike = [change("one"), change("two", since=FIRST_NIGHT + timedelta(days=2))]
    assert len(incidents(alike)) == 1
    fields = {"state": "regression", **other}
    state = str(fields.pop("state"))
    given = {"since": FIRST_NIGHT, "category": "regression", "system": "s", "partition": "p"}
    third = Finding("R-three", state, name="three", **{**given, **fields})
    assert len(incidents([*alike, third])) == 2


def test_failures_for_the_same_reason_on_the_same_night_are_one_incident() -> None:
    def failed(name: str, reason: str) -> Run:
        return Run(name=name, figures={}, result="fail", fail_phase="run", fail_reason=reason)

    runs = [
        Run(name="Fine"),
        failed("One", "scheduler: a node was lost (job 17)"),
        failed("Two", "scheduler: a node was lost (job 18)"),
        failed("Three", "scheduler: the job was cancelled"),
    ]
    assert sorted(len(each.members) for each in verdict(runs).incidents) == [1, 2]


def test_the_clearest_change_heads_an_incident() -> None:
    runs = []
    for night in range(52):
        small = noisy(1000.0, 52)[night] * (1 if night < 40 else 0.95)
        large = noisy(1000.0, 52, seed=5)[night] * (1 if night < 40 else 0.7)
        for name, value in (("Small", small), ("Large", large)):
            runs.append(Run(name=name, night=night, figures={"throughput": value}))

    [incident] = verdict(runs).incidents
    assert incident.head.name == "Large"


@settings(max_examples=15)
@given(night=st.integers(0, 51), phase=st.sampled_from(["sanity", "run", "setup"]))
def test_adding_a_failed_run_changes_nothing_in_regressions(night: int, phase: str) -> None:
    runs = spread(slower())
    values = {"throughput": 1.0}
    failed = Run(night=night, hour=4.0, figures=values, result="fail", fail_phase=phase)
    assert found([*runs, failed], "regression") == found(runs, "regression")


def test_without_figures_nothing_can_be_judged() -> None:
    assert verdict([]).exit_code == NOT_JUDGED
    assert verdict([Run(night=night, figures={}) for night in range(5)]).exit_code == NOT_JUDGED


def test_judging_in_several_processes_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        each
        for number in range(4)
        for each in series(slower(10, 6, seed=number), name=f"Case{number}")
    ]
    alone = verdict(runs)
    monkeypatch.setattr(judged, "_FEW", 1)
    monkeypatch.setattr(judged, "_processors", lambda: 2)
    together = verdict(runs)
    assert together.findings == alone.findings
    assert [each for _, each in together.judged] == [each for _, each in alone.judged]
