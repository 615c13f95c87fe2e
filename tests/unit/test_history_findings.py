"""What is found in a history: what changed, after what, where, and what moves together."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from history_verdicts import failed, findings_of, verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_history import FIRST_NIGHT, Run, series

from perflogs.exit_codes import CLEAN, NOT_JUDGED, REGRESSED
from perflogs.judging import judged
from perflogs.judging.finding import Finding
from perflogs.judging.incidents import incidents
from perflogs.statistics.judge import judge

TRAIN = "SkylineTrain %num_gpus=1 %preset=nightly"
NODES = ["n1", "n2", "n3", "n4", "n5"]


def noisy(level: float, count: int, seed: int = 0) -> list[float]:
    """So many values around a level, with 1 % of noise."""
    noise = np.random.default_rng(seed).standard_normal(count)
    return [float(level * (1 + 0.01 * each)) for each in noise]


def slower(before: int = 40, after: int = 12, factor: float = 0.9, seed: int = 0) -> list[float]:
    """A throughput that falls after so many nights."""
    return noisy(1000.0, before, seed) + noisy(1000.0 * factor, after, seed + 1)


def spread(
    values: list[float], columns: Callable[[int], dict[str, str]] = lambda night: {}, **fields: str
) -> list[Run]:
    """A run a night, on one node after the other; `columns` are those of a night."""
    return [
        Run(
            night=night,
            figures={"throughput": value},
            nodes=NODES[night % 5],
            columns=columns(night),
            **fields,
        )
        for night, value in enumerate(values)
    ]


def test_a_constant_series_raises_no_finding() -> None:
    result = verdict(*series([1000.0] * 60))
    assert (result.findings, result.exit_code) == ([], CLEAN)


def test_a_regression_says_since_when_by_how_much_and_on_which_nodes() -> None:
    result = verdict(*spread(slower()))
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
    result = verdict(*spread(slower(factor=1.1)))
    assert [(each.state, each.category) for each in result.findings] == [("improvement", "")]
    assert result.exit_code == CLEAN
    assert verdict(*spread(slower(after=30, factor=1.1))).findings == []


def test_a_suspect_changes_no_exit_code_and_has_the_command_that_repeats_it() -> None:
    result = verdict(*spread([*noisy(1000.0, 40), 700.0]))
    [finding] = result.findings
    assert finding.state == "suspect"
    assert finding.again == "reframe -c checks --system=pearl:gpu -n /0123abcd -r"
    assert result.exit_code == CLEAN


@pytest.mark.parametrize(("later", "shown"), [(14, True), (15, False)])
def test_a_suspect_that_is_not_run_again_is_dropped_after_two_weeks(
    later: int, shown: bool
) -> None:
    others = [Run(name="Other", night=night) for night in range(40 + later + 1)]
    found = findings_of("suspect", *spread([*noisy(1000.0, 40), 700.0]), *others)
    assert bool(found) is shown


@pytest.mark.parametrize(("later", "shown"), [(14, True), (15, False)])
def test_a_change_with_other_software_is_news_for_two_weeks(later: int, shown: bool) -> None:
    runs = [
        Run(
            night=night,
            figures={"loss_step100": 0.5 if night < 10 else 0.6},
            columns={"tensorflow_version": "2.20" if night < 10 else "2.21"},
        )
        for night in range(10 + later + 1)
    ]
    assert bool(findings_of("change", *runs)) is shown


def test_what_changed_with_the_figures_is_the_candidate_cause() -> None:
    runs = spread(
        slower(),
        lambda night: {
            "driver_version": "550.1" if night < 40 else "560.2",
            "kernel_version": "6.1",
        },
    )
    [finding] = findings_of("regression", *runs)
    assert finding.causes == ("driver 550.1 -> 560.2",)
    assert finding.attribution == "the system, since driver 550.1 -> 560.2"


@pytest.mark.parametrize(("change", "named"), [(38, True), (42, True), (34, False), (47, False)])
def test_only_what_changed_within_two_runs_is_a_candidate_cause(change: int, named: bool) -> None:
    runs = spread(
        slower(factor=0.8), lambda night: {"driver_version": "550.1" if night < change else "560.2"}
    )
    [finding] = findings_of("regression", *runs)
    assert bool(finding.causes) is named


def test_what_differs_between_nodes_for_good_is_no_cause() -> None:
    runs = spread(slower(), lambda night: {"driver_version": "550.1" if night % 2 else "560.2"})
    [finding] = findings_of("regression", *runs)
    assert finding.causes == ()


def test_what_one_record_does_not_say_is_no_change() -> None:
    runs = spread(slower(), lambda night: {"driver_version": "" if night < 40 else "560.2"})
    [finding] = findings_of("regression", *runs)
    assert finding.causes == ()


def test_long_digests_are_cut() -> None:
    digests = ["sha256:" + 64 * "a", "sha256:" + 64 * "b"]
    runs = spread(slower(), lambda night: {"image_digest": digests[night >= 40]})
    [finding] = findings_of("regression", *runs)
    assert finding.causes == ("image sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb",)


def test_a_slow_node_is_hardware_and_the_case_is_run_again_elsewhere() -> None:
    runs = []
    for night, value in enumerate(noisy(1000.0, 50)):
        node = "n5" if night >= 40 else NODES[night % 4]
        figures = {"throughput": 0.8 * value if night >= 40 else value}
        runs.append(Run(night=night, figures=figures, nodes=node))

    result = verdict(*runs)
    [finding] = result.findings
    assert (finding.state, finding.category, finding.node) == ("regression", "hardware", "n5")
    assert finding.attribution == "node n5"
    assert "-J nodelist=n4" in finding.again
    assert result.exit_code == REGRESSED


def test_the_name_of_a_finding_stays_as_more_nights_come() -> None:
    runs = spread(slower(after=20))
    names = {findings_of("regression", *runs[:nights])[0].identity for nights in (52, 55, 60)}
    assert len(names) == 1


def test_a_new_version_of_the_workload_ends_what_was_said_of_the_old_one() -> None:
    old = spread(slower())
    new = [
        Run(night=60 + night, figures={"throughput": value}, key={"workload_version": "2"})
        for night, value in enumerate(noisy(900.0, 10))
    ]
    assert verdict(*old).exit_code == REGRESSED
    assert verdict(*old, *new).exit_code == CLEAN


def test_a_regression_of_a_case_that_has_not_run_for_a_month_says_nothing_of_the_system() -> None:
    others = [Run(name="Other", night=night) for night in range(100)]
    assert findings_of("regression", *spread(slower()), *others) == []


def test_published_results_are_not_judged() -> None:
    published = spread(slower(), system="scarf", campaign="published")
    assert verdict(*published, *series([1000.0] * 52)).findings == []


def test_partitions_that_are_retired_are_not_judged() -> None:
    retired = spread(slower(), partition="old")
    recent = [Run(night=night) for night in range(150, 200)]
    assert verdict(*retired, *recent).findings == []


def test_since_leaves_out_what_began_before_and_counts_it() -> None:
    runs = spread(slower())
    later = FIRST_NIGHT + timedelta(days=45)
    result = verdict(*runs, since=later)
    assert (result.findings, result.earlier, result.exit_code) == ([], 1, CLEAN)
    assert verdict(*runs, since=FIRST_NIGHT + timedelta(days=30)).exit_code == REGRESSED


def test_since_keeps_what_began_before_and_was_confirmed_only_since_then() -> None:
    runs = spread(slower())
    # A single slow night is a suspect, and no regression yet.
    for night in (41, 42):
        [kept] = verdict(*runs, since=FIRST_NIGHT + timedelta(days=night)).findings
        assert (kept.state, kept.since) == ("regression", FIRST_NIGHT + timedelta(days=40))

    rng = np.random.default_rng(5)
    noise = 10.0 * rng.standard_normal(300)
    drift = [1000.0 - 100.0 * max(night - 60, 0) / 365 + each for night, each in enumerate(noise)]
    confirmed = [night for night in range(120, 300, 15) if said(drift, night)]
    assert confirmed
    first = confirmed[0]
    since = FIRST_NIGHT + timedelta(days=first - 15)
    [finding] = verdict(*spread(drift[:first]), since=since).findings
    assert finding.since is not None
    assert finding.since < since
    later = verdict(*spread(drift[: first + 15]), since=since + timedelta(days=15))
    assert (later.exit_code, later.earlier) == (CLEAN, 1)


def test_since_judges_no_other_series_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    def counted(values, nodes, better, comparison):  # type: ignore[no-untyped-def]
        lengths.append(len(values))
        return judge(values, nodes, better, comparison)

    monkeypatch.setattr(judged, "judge", counted)
    figures = [{"throughput": value, "epoch_seconds": 5.0} for value in slower()]
    runs = [Run(night=night, figures=each) for night, each in enumerate(figures)]
    assert verdict(*runs, since=FIRST_NIGHT + timedelta(days=47)).earlier == 1
    assert sorted(lengths) == [47, 52, 52]


def said(values: list[float], night: int) -> bool:
    """Whether a regression is confirmed after so many nights."""
    return verdict(*spread(values[:night])).exit_code == REGRESSED


def test_since_keeps_a_silence_that_was_missed_only_since_then() -> None:
    daily = [Run(name="Daily", night=night) for night in range(60)]
    weekly = [Run(name="Weekly", night=night) for night in range(0, 43, 7)]
    result = verdict(*daily, *weekly, since=FIRST_NIGHT + timedelta(days=52))
    assert [(each.name, each.state) for each in result.findings] == [("Weekly", "not run")]
    assert verdict(*daily, *weekly, since=FIRST_NIGHT + timedelta(days=59)).findings == []


def test_metrics_and_cases_that_fall_on_the_same_night_are_one_incident() -> None:
    runs = []
    for night, value in enumerate(slower()):
        figures = {"throughput": value, "total_seconds": 5e5 / value}
        for name in (TRAIN, TRAIN.replace("=1", "=2")):
            runs.append(Run(name=name, night=night, figures=figures, nodes=NODES[night % 5]))

    result = verdict(*runs)
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
    runs = [
        Run(name="Fine"),
        failed("One", fail_reason="run: exit code 1 (job 17)"),
        failed("Two", fail_reason="run: exit code 1 (job 18)"),
        failed("Three", fail_reason="run: the disk is full"),
    ]
    assert sorted(len(each.members) for each in verdict(*runs).incidents) == [1, 2]


def test_a_failure_that_recovered_is_no_part_of_the_incident_of_one_that_stands() -> None:
    result = verdict(failed("One"), failed("Two"), Run(name="One", hour=3.0))
    assert [len(each.members) for each in result.incidents] == [1, 1]


def test_the_clearest_change_heads_an_incident() -> None:
    runs = []
    for night in range(52):
        small = noisy(1000.0, 52)[night] * (1 if night < 40 else 0.95)
        large = noisy(1000.0, 52, seed=5)[night] * (1 if night < 40 else 0.7)
        for name, value in (("A little", small), ("Much", large)):
            runs.append(Run(name=name, night=night, figures={"throughput": value}))

    [incident] = verdict(*runs).incidents
    assert incident.head.name == "Much"


@settings(max_examples=15)
@given(night=st.integers(0, 51), phase=st.sampled_from(["sanity", "run", "setup"]))
def test_adding_a_failed_run_changes_nothing_in_regressions(night: int, phase: str) -> None:
    runs = spread(slower())
    values = {"throughput": 1.0}
    more = Run(night=night, hour=4.0, figures=values, result="fail", fail_phase=phase)
    assert findings_of("regression", *runs, more) == findings_of("regression", *runs)


def test_without_figures_nothing_can_be_judged() -> None:
    assert verdict().exit_code == NOT_JUDGED
    assert verdict(*[Run(night=night, figures={}) for night in range(5)]).exit_code == NOT_JUDGED


def test_judging_in_several_processes_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [
        each
        for number in range(4)
        for each in series(slower(10, 6, seed=number), name=f"Case{number}")
    ]
    alone = verdict(*runs)
    monkeypatch.setattr(judged, "_FEW", 1)
    monkeypatch.setattr(judged, "_processors", lambda: 2)
    together = verdict(*runs)
    assert together.findings == alone.findings
    assert [each for _, each in together.judged] == [each for _, each in alone.judged]
