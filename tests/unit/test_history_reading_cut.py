"""A log that is being written reads up to its last whole line; what was read is not read again."""

import json
import os
import stat
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from reframe_records import (
    COLUMNS,
    START,
    at,
    case,
    line,
    report,
    write_database,
    write_log,
    write_report,
)

from perflogs.history import History
from perflogs.reading import index as index_module
from perflogs.reading import source_reader
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.history import read_history

SHORT = ("result", "job_completion_time", "name", "system", "partition", "environ", "jobid")
SHORT = (*SHORT, "perf_var", "perf_value")
HEADER = "|".join(COLUMNS) + "\n"
#: Pieces of a log: good lines of a few runs, and all that goes wrong in one.
PIECES = st.one_of(
    st.builds(
        lambda night, second, job, metric, value, result: line(
            at(second, night), jobid=job, perf_var=metric, perf_value=value, result=result
        ),
        st.integers(0, 2),
        st.integers(0, 3),
        st.sampled_from(["7", "8", "null"]),
        st.sampled_from(["speed", "loss", "null"]),
        st.sampled_from(["1.5", "2.5", "null", "fast"]),
        st.sampled_from(["pass", "fail"]),
    ),
    st.sampled_from(["broken\n", "\n", "\0\n", HEADER, "|".join(reversed(COLUMNS)) + "\n"]),
)


def require_same(first: History, second: History) -> None:
    """Two histories say the same."""
    assert_frame_equal(first.runs, second.runs)
    assert_frame_equal(first.figures, second.figures, check_row_order=False)
    assert first.unreadable == second.unreadable
    assert (first.unlisted, first.unfinished) == (second.unlisted, second.unfinished)


def test_a_log_reads_up_to_its_last_whole_line_wherever_it_is_cut(tmp_path: Path) -> None:
    lines = [line(at(0, night), columns=SHORT, perf_value=night / 3) for night in range(2)]
    path = write_log(tmp_path / "Train.log", *lines, columns=SHORT)
    content = path.read_bytes()
    ends = [number + 1 for number, byte in enumerate(content) if byte == ord("\n")]
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        whole = sum(end <= size for end in ends) - 1
        if whole < 1:
            with pytest.raises(UnusableHistory):
                read_history([path])

            continue

        found = read_history([path])
        assert found.figures["value"].to_list() == [night / 3 for night in range(whole)]
        assert found.unfinished == ([] if size in ends else [path])
        assert not found.unreadable


def test_a_line_that_is_cut_within_a_character_is_unfinished(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line())
    with path.open("ab") as file:
        file.write(line(name="Ω").encode().partition(b"\xa9")[0])

    found = read_history([path])
    assert found.unfinished == [path]
    assert not found.unreadable


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
)
@given(pieces=st.lists(PIECES, max_size=12), places=st.lists(st.floats(0, 1), max_size=3))
def test_what_is_appended_is_read_as_if_it_had_always_been_there(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], places: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    path = folder / "Train.log"
    content = (HEADER + line() + "".join(pieces)).encode()
    for place in (*sorted(places), 1.0):
        path.write_bytes(b"" if not path.exists() else path.read_bytes())
        with path.open("ab") as file:
            file.write(content[path.stat().st_size : int(place * len(content))])

        try:
            parted = read_history([path], folder / "index")
        except UnusableHistory:
            assert place < 1

    require_same(parted, read_history([path]))


@pytest.fixture
def read_lines(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of logs are read, one number for each part."""
    sizes: list[int] = []
    original = source_reader.read_records

    def noting(parts):
        sizes.extend(len(part.data) for part in parts)
        return original(parts)

    monkeypatch.setattr(source_reader, "read_records", noting)
    return sizes


def append(path: Path, *lines: str) -> None:
    """As another session of ReFrame does."""
    with path.open("a") as file:
        file.write("".join(lines))


def test_only_what_is_new_is_read(tmp_path: Path, read_lines: list[int]) -> None:
    path = write_log(tmp_path / "Train.log", *(line(at(0, night)) for night in range(50)))
    index = tmp_path / "index"
    read_history([path], index)
    read_lines.clear()
    read_history([path], index)
    assert read_lines == []
    append(path, line(at(0, 50)))
    found = read_history([path], index)
    assert read_lines == [len(line(at(0, 50)))]
    require_same(found, read_history([path]))
    assert found.runs.height == 51


def test_an_unreadable_line_is_shown_every_time(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line(), "broken\n")
    for _ in range(3):
        found = read_history([path, tmp_path, path], tmp_path / "index")
        assert [each.line for each in found.unreadable] == [3]


def test_a_log_that_was_put_aside_is_read_where_it_is_now(tmp_path: Path) -> None:
    path = write_log(tmp_path / "logs/Train.log", line(at(0, 0)))
    read_history([tmp_path / "logs"], tmp_path / "index")
    path.rename(f"{path}.h0")
    write_log(path, line(at(0, 1)))
    found = read_history([tmp_path / "logs"], tmp_path / "index")
    assert [Path(each).name for each in found.runs["source"]] == ["Train.log.h0", "Train.log"]


@pytest.mark.parametrize("change", ["shorter", "beginning", "end", "another file", "gone"])
def test_a_log_that_was_changed_is_read_anew(
    tmp_path: Path, read_lines: list[int], change: str
) -> None:
    nights = 100
    lines = [line(at(0, night)) for night in range(nights)]
    path = write_log(tmp_path / "logs/Train.log", *lines)
    write_log(tmp_path / "logs/Other.log", line(name="Other"))
    read_history([tmp_path / "logs"], tmp_path / "index")
    content = path.read_text()
    if change == "shorter":
        path.write_text(HEADER + "".join(lines[:10]))
    elif change == "beginning":
        path.write_text(content.replace("|1.5|", "|2.5|", 1))
    elif change == "end":
        path.write_text("|2.5|".join(content.rsplit("|1.5|", 1)))
    elif change == "another file":
        path.rename(f"{path}.old")
        lines[nights // 2] = line(at(0, nights // 2), perf_value=2.5)
        path.write_text(HEADER + "".join(lines))
    else:
        path.unlink()

    meant = read_history([tmp_path / "logs"])
    require_same(read_history([tmp_path / "logs"], tmp_path / "index"), meant)
    read_lines.clear()
    require_same(read_history([tmp_path / "logs"], tmp_path / "index"), meant)
    assert read_lines == []


def damage(index: Path, how: str) -> None:
    """Makes an index unusable in one of many ways."""
    parts = sorted(index.glob("*.parquet"))
    state = index / "index.json"
    content = json.loads(state.read_text())
    if how == "no JSON":
        state.write_text("{")
    elif how == "other JSON":
        state.write_text("[1]")
    elif how == "another version":
        state.write_text(json.dumps({**content, "version": 0}))
    elif how == "other fields":
        content["origins"][0]["position"] = {"offset": 1}
        state.write_text(json.dumps(content))
    elif how == "a part is gone":
        parts[0].unlink()
    elif how == "a part is cut":
        parts[0].write_bytes(parts[0].read_bytes()[:100])
    elif how == "a part has other columns":
        pl.DataFrame({"a": [1]}).write_parquet(parts[0])
    elif how == "figures of no run":
        [runs] = index.glob("*.runs.parquet")
        pl.read_parquet(runs).head(0).write_parquet(runs)
    else:
        raise AssertionError(how)


@pytest.mark.parametrize(
    "how",
    [
        *("no JSON", "other JSON", "another version", "other fields", "a part is gone"),
        *("a part is cut", "a part has other columns", "figures of no run"),
    ],
)
def test_an_unusable_index_is_made_anew(tmp_path: Path, read_lines: list[int], how: str) -> None:
    path = write_log(tmp_path / "Train.log", line(at(0, 0)), line(at(0, 1)))
    index = tmp_path / "index"
    read_history([path], index)
    meant = read_history([path])
    damage(index, how)
    read_lines.clear()
    require_same(read_history([path], index), meant)
    assert len(read_lines) == 1
    require_same(read_history([path], index), meant)
    assert len(read_lines) == 1


@pytest.mark.parametrize("index", ["file/index", "file"])
def test_an_index_that_cannot_be_written_changes_nothing(
    tmp_path: Path, read_lines: list[int], index: str
) -> None:
    path = write_log(tmp_path / "Train.log", line())
    (tmp_path / "file").write_text("kept")
    for times in (1, 2):
        found = read_history([path], tmp_path / index)
        assert found.runs["time"].to_list() == [START]
        # Nothing was kept, and all is read again.
        assert len(read_lines) == times

    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_changes_nothing(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line())
    (tmp_path / "index").mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert read_history([path], tmp_path / "index").runs["time"].to_list() == [START]
    assert [*(tmp_path / "index").iterdir()] == []


def test_an_index_serves_several_sources(tmp_path: Path, read_lines: list[int]) -> None:
    paths = [write_log(tmp_path / name / "Train.log", line(name=name)) for name in ("a", "b")]
    for path in (*paths, *paths):
        found = read_history([path], tmp_path / "index")
        assert found.runs["name"].to_list() == [path.parent.name]

    assert len(read_lines) == 2


def test_many_nights_are_kept_in_few_parts(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line(at(0, 0)))
    for night in range(1, 40):
        append(path, line(at(0, night)))
        read_history([path], tmp_path / "index")

    content = json.loads((tmp_path / "index/index.json").read_text())
    assert len(content["parts"]) <= 6
    assert sum(rows for _, rows in content["parts"]) == 40
    require_same(read_history([path], tmp_path / "index"), read_history([path]))


def test_what_no_index_refers_to_is_removed_after_an_hour(tmp_path: Path) -> None:
    path = write_log(tmp_path / "Train.log", line(at(0, 0)))
    index = tmp_path / "index"
    read_history([path], index)
    old, new = index / "part-a.runs.parquet", index / "part-b.runs.parquet"
    for each in (old, new, index / "part-of-another.txt"):
        each.write_text("")
        os.utime(each, (0, 0))

    os.utime(new)
    read_history([path], index)
    names = {each.name for each in index.iterdir()}
    assert old.name not in names
    assert {new.name, "part-of-another.txt"} < names


def test_two_at_once_leave_an_index_that_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_log(tmp_path / "Train.log", line(at(0, 0)))
    index = tmp_path / "index"
    read_history([path], index)
    append(path, line(at(0, 1)))
    original = index_module._replace

    def interrupted(folder: Path, content: index_module.Index) -> None:
        monkeypatch.setattr(index_module, "_replace", original)
        append(path, line(at(0, 2)))
        read_history([path], index)
        original(folder, content)

    monkeypatch.setattr(index_module, "_replace", interrupted)
    assert read_history([path], index).runs.height == 2
    require_same(read_history([path], index), read_history([path]))


def test_reports_and_sessions_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    for module in ("perflogs.reading.report_file", "perflogs.reading.database"):
        monkeypatch.setattr(f"{module}.read_cases", _noting(read))

    index = tmp_path / "index"
    path = write_report(tmp_path / "a.json", report([case(at(0, 0))], uuid="a"))
    database = write_database(tmp_path / "b.db", report([case(at(0, 1))], uuid="b", night=1))
    for _ in range(2):
        assert read_history([path, database], index).runs.height == 2

    write_database(database, report([case(at(0, 2))], uuid="c", night=2))
    assert read_history([path, database], index).runs.height == 3
    write_report(path, report([case(at(0, 3))], uuid="d", night=3))
    found = read_history([path, database], index)
    assert found.runs["session"].to_list() == ["b", "c", "d"]
    assert sorted(read) == ["a", "b", "c", "d"]


def _noting(read: list[str]):
    from perflogs.reading.report_records import read_cases

    def noting(content, origin):
        read.append(origin.session.uuid)
        return read_cases(content, origin)

    return noting
