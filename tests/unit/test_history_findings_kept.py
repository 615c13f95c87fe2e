"""Judgements that are kept: used for what has not changed, and never believed when damaged."""

import json
from pathlib import Path

import pytest
from simulated_history import Run, history, series

from perflogs.judging import judged
from perflogs.judging.judged import judge_all
from perflogs.series import Series, series_of
from perflogs.statistics.judge import judge


def two_series(nights: int = 30) -> list[Series]:
    """A series that falls, and one that does not."""
    falling = [1000.0 + night % 3 - 150.0 * (night >= 20) for night in range(nights)]
    runs = [*series(falling, name="Falls"), *series([5.0] * 30, name="Stays")]
    return [*series_of(history(runs))]


@pytest.fixture
def judged_names(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many values the series had that were judged, one after the other."""
    lengths: list[int] = []

    def counted(values, nodes, better, comparison):  # type: ignore[no-untyped-def]
        lengths.append(len(values))
        return judge(values, nodes, better, comparison)

    monkeypatch.setattr(judged, "judge", counted)
    return lengths


def test_what_is_kept_is_what_was_judged(tmp_path: Path, judged_names: list[int]) -> None:
    path = tmp_path / "index/judgements.json"
    first = [each for _, each in judge_all(two_series(), path)]
    assert first[0].regression is not None
    assert len(judged_names) == 2
    assert [each for _, each in judge_all(two_series(), path)] == first
    assert len(judged_names) == 2


def test_only_a_series_with_a_new_run_is_judged_again(
    tmp_path: Path, judged_names: list[int]
) -> None:
    path = tmp_path / "judgements.json"
    list(judge_all(two_series(30), path))
    list(judge_all(two_series(31), path))
    assert judged_names == [30, 30, 31]


def test_what_is_kept_and_what_is_new_are_not_mixed_up(tmp_path: Path) -> None:
    path = tmp_path / "judgements.json"
    falls, stays = two_series()
    list(judge_all([stays], path))
    found = [each for _, each in judge_all([stays, falls], path)]
    assert found[0].regression is None
    assert found[1].regression is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": "other", "judgements": {}}'])
def test_a_file_that_cannot_be_used_is_ignored(
    tmp_path: Path, judged_names: list[int], text: str
) -> None:
    path = tmp_path / "judgements.json"
    path.write_text(text)
    list(judge_all(two_series(), path))
    assert len(judged_names) == 2
    list(judge_all(two_series(), path))
    assert len(judged_names) == 2


def test_a_damaged_judgement_is_ignored(tmp_path: Path, judged_names: list[int]) -> None:
    path = tmp_path / "judgements.json"
    list(judge_all(two_series(), path))
    content = json.loads(path.read_text())
    for kept in content["judgements"].values():
        del kept["suspect"]

    path.write_text(json.dumps(content))
    list(judge_all(two_series(), path))
    assert len(judged_names) == 4


def test_other_statistics_judge_anew(
    tmp_path: Path, judged_names: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "judgements.json"
    list(judge_all(two_series(), path))
    monkeypatch.setattr(judged, "_version_of_statistics", lambda: "other")
    list(judge_all(two_series(), path))
    assert len(judged_names) == 4


def test_where_nothing_can_be_kept_all_is_judged_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert len([*judge_all(two_series(), blocked / "judgements.json")]) == 2


def test_equal_series_are_judged_once(judged_names: list[int]) -> None:
    runs = [each for name in ("One", "Two") for each in series([5.0] * 9, name=name)]
    assert len([*judge_all(series_of(history(runs)))]) == 2
    assert judged_names == [9]


def test_a_run_on_another_node_is_another_series_to_judge(judged_names: list[int]) -> None:
    runs = [
        Run(name=name, night=night, nodes=node)
        for name, node in (("One", "n1"), ("Two", "n2"))
        for night in range(9)
    ]
    assert len([*judge_all(series_of(history(runs)))]) == 2
    assert judged_names == [9, 9]
