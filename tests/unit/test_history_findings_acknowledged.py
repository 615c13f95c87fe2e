"""What is known of does not count: until it expires, begins anew, or becomes worse."""

import errno
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from perflogs.judging.acknowledgements import (
    UnusableAcknowledgements,
    acknowledge,
    covers,
    marked,
    read_acknowledgements,
    write_acknowledgements,
)
from perflogs.judging.finding import Finding, Measured

TODAY = date(2026, 11, 1)
NOW = datetime(2026, 10, 21, 8, tzinfo=UTC)
BEGAN = date(2026, 10, 20)


def fall(low: float = -0.12, high: float = -0.08, **fields: Any) -> Finding:
    """A throughput that fell by a tenth."""
    measured = Measured(
        "throughput", "1/s", "higher", "relative", 10.0, 9.0, (low + high) / 2, low, high, 0.99
    )
    given = {"category": "regression", "since": BEGAN, "measured": measured}
    return Finding("R-1", "regression", system="s", partition="p", **{**given, **fields})


KNOWN = acknowledge(fall(), "a new fabric", "ada", NOW, date(2026, 11, 30))


@pytest.mark.parametrize(
    ("finding", "today", "covered"),
    [
        (fall(), TODAY, True),
        (fall(), date(2026, 11, 30), True),
        (fall(), date(2026, 12, 1), False),
        (fall(since=BEGAN + timedelta(days=7)), TODAY, True),
        (fall(since=BEGAN + timedelta(days=8)), TODAY, False),
        (fall(since=BEGAN - timedelta(days=30)), TODAY, True),
        (fall(-0.14, -0.11), TODAY, True),
        (fall(-0.16, -0.13), TODAY, False),
        (fall(-0.06, -0.04), TODAY, True),
        (fall(-0.30, 0.01), TODAY, True),
        (fall(0.04, 0.06), TODAY, False),
        (fall(0.13, 0.16), TODAY, False),
        (fall(category="hardware"), TODAY, False),
    ],
)
def test_an_acknowledgement_covers_what_was_known_and_nothing_else(
    finding: Finding, today: date, covered: bool
) -> None:
    assert covers(KNOWN, finding, today) is covered


def test_a_slow_loss_is_still_the_known_one_where_it_is_cut_later_within_what_was_known() -> None:
    later = datetime(2026, 11, 20, 8, tzinfo=UTC)
    known = acknowledge(fall(), "a slow disk", "ada", later, date(2026, 12, 31))
    assert covers(known, fall(since=date(2026, 11, 10)), later.date())
    assert not covers(known, fall(-0.16, -0.13, since=date(2026, 11, 10)), later.date())
    assert not covers(known, fall(since=date(2026, 11, 20)), later.date())


def test_a_failure_without_figures_is_covered_by_its_class_and_night() -> None:
    failure = Finding("F-1", "failure", "failure", "s", "p", since=BEGAN)
    known = acknowledge(failure, "known", "ada", NOW, TODAY)
    assert covers(known, failure, TODAY)
    later = Finding("F-1", "failure", "failure", "s", "p", since=BEGAN + timedelta(days=8))
    assert not covers(known, later, TODAY)


def broken(reason: str) -> Finding:
    """A case that failed."""
    return Finding("F-1", "failure", "failure", "s", "p", since=BEGAN, reason=reason)


def test_another_failure_of_the_same_case_is_not_covered() -> None:
    known = acknowledge(broken("exit code 1 at 0x7fe3 after 12.5 s"), "r", "ada", NOW, TODAY)
    assert covers(known, broken("exit code 2 at 0x8A after 3.25 s"), TODAY)
    assert not covers(known, broken("the accuracy is below its floor"), TODAY)


def test_a_file_that_says_nothing_of_reasons_covers_as_it_did(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged.json"
    path.write_text(damaged(finding="F-1", category="failure"))
    assert covers(read_acknowledgements(path)["F-1"], broken("anything"), TODAY)
    known = acknowledge(broken("one"), "r", "ada", NOW, TODAY)
    write_acknowledgements(path, [known])
    assert read_acknowledgements(path) == {"F-1": known}


def test_findings_are_marked_by_their_names() -> None:
    other = fall()
    known, unknown = marked([fall(), other], {}, TODAY)
    assert (known.acknowledged, unknown.acknowledged) == (None, None)
    [known] = marked([fall()], {"R-1": KNOWN}, TODAY)
    assert known.acknowledged == KNOWN


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged.json"
    write_acknowledgements(path, [KNOWN])
    assert read_acknowledgements(path) == {"R-1": KNOWN}
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_without_a_file_nothing_is_acknowledged(tmp_path: Path) -> None:
    assert read_acknowledgements(tmp_path / "acknowledged.json") == {}


def test_what_cannot_be_written_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "acknowledged.json"
    write_acknowledgements(path, [KNOWN])

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        write_acknowledgements(path, [])

    assert read_acknowledgements(path) == {"R-1": KNOWN}
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def damaged(**changed: Any) -> str:
    """A file with one field replaced; None leaves it out."""
    entry = {
        "finding": "R-1",
        "reason": "r",
        "by": "ada",
        "category": "regression",
        "when": "2026-11-01T08:00:00+00:00",
        "expires": "2026-11-30",
        "start": None,
        "level": None,
    }
    entry = {key: value for key, value in {**entry, **changed}.items() if value != "gone"}
    return json.dumps({"version": 1, "acknowledged": [entry]})


def test_the_fields_that_may_be_empty_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged.json"
    path.write_text(damaged())
    assert read_acknowledgements(path)["R-1"].start is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "acknowledged": []}',
        '{"version": 1, "acknowledged": [3]}',
        '{"version": 1, "acknowledged": 3}',
        damaged(finding=3),
        damaged(expires="soon"),
        damaged(expires="gone"),
        damaged(when=None),
        damaged(level="much"),
        damaged(start=7),
    ],
)
def test_a_damaged_file_is_never_passed_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "acknowledged.json"
    path.write_text(text)
    with pytest.raises(UnusableAcknowledgements, match="mend it, or move it away"):
        read_acknowledgements(path)
