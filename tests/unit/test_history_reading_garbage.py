"""Whatever is in a file: there is a history, or one line says why there is none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reframe_records import (
    COLUMNS,
    DEFAULT_COLUMNS,
    at,
    case,
    default_line,
    line,
    report,
    write_database,
    write_log,
)

from perflogs.history import FIGURES, RUNS
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.history import read_history

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, 1e300, float("nan"), float("inf"), -1]),
    st.text(max_size=5),
    st.sampled_from(["\ud800", "null", "|", "a\nb"]),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def is_history_or_reason(*sources: Path) -> bool:
    """Whether there is a history with its columns, of runs that are numbered and figures that are
    of these, or one line that says why there is none. Any other error is raised."""
    try:
        found = read_history(sources, sources[0].parent / "index")
    except UnusableHistory as error:
        return bool(str(error)) and str(error).isprintable()

    return (
        (found.runs.schema, found.figures.schema) == (RUNS, FIGURES)
        and found.runs["run"].to_list() == [*range(found.runs.height)]
        and {*found.figures["run"]} <= {*found.runs["run"]}
    )


@pytest.mark.parametrize("is_default", [True, False])
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_bytes_in_a_log_leave_a_history_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, is_default: bool, data: st.DataObject
) -> None:
    made = [default_line(at(n)) if is_default else line(at(n)) for n in range(3)]
    path = tmp_path_factory.mktemp("garbage") / "Train.log"
    write_log(path, *made, columns=DEFAULT_COLUMNS if is_default else COLUMNS)
    content = path.read_bytes()
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 20)))
    pieces = st.one_of(st.binary(max_size=6), st.sampled_from([b"\n", b"|", b"1e999", b"-1"]))
    path.write_bytes(content[:start] + data.draw(pieces) + content[end:])
    assert is_history_or_reason(path)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_value_in_a_report_leaves_a_history_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = report([case(partition_num_nodes=4), case(None, result="skip")])
    place: Any = content
    while isinstance(place, dict | list) and place:
        keys = sorted(place) if isinstance(place, dict) else [*range(len(place))]
        inside, key = place, data.draw(st.sampled_from(keys))
        place = place[key]
        if not isinstance(place, dict | list) or data.draw(st.integers(0, 4)) == 0:
            break

    inside[key] = data.draw(VALUES)
    folder = tmp_path_factory.mktemp("garbage")
    path = folder / "report.json"
    path.write_text(json.dumps(content))
    assert is_history_or_reason(path)
    assert is_history_or_reason(path, write_log(folder / "Train.log", line()))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(place=st.floats(0, 1), garbage=st.binary(min_size=1, max_size=200))
def test_any_bytes_in_a_database_leave_a_history_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, place: float, garbage: bytes
) -> None:
    path = tmp_path_factory.mktemp("garbage") / "results.db"
    write_database(path, *(report([case()], uuid=name) for name in "abc"))
    content = bytearray(path.read_bytes())
    start = int(place * len(content))
    content[start : start + len(garbage)] = garbage
    path.write_bytes(content)
    assert is_history_or_reason(path)
