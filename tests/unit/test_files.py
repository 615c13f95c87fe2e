"""Files and folders: whole or not at all; digests that do not depend on the order."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.common.building import PROGRESS, build_folder
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput, explain_os_error
from workloads.common.writing import only_run, replacing, write_json


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_with_nan_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "file.json", {"value": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_kept_out_of_a_folder_in_use(tmp_path):
    with only_run(tmp_path / "run"):
        with (
            pytest.raises(UnusableInput, match="another run is writing"),
            only_run(tmp_path / "run"),
        ):
            pass
        with only_run(tmp_path / "run", applies=False):
            pass
    with only_run(tmp_path / "run"):
        pass


def fill_with(text):
    def fill(partial):
        (partial / "content").write_text(text)
        return {"digest": text}

    return fill


def test_a_folder_is_built_once(tmp_path):
    output = tmp_path / "out"
    assert build_folder(output, {"format": "x"}, fill_with("a")) == (
        {"format": "x", "digest": "a"},
        True,
    )
    assert build_folder(output, {"format": "x"}, fill_with("b"))[1] is False
    assert (output / "content").read_text() == "a"
    assert sorted(each.name for each in output.iterdir()) == ["content", "manifest.json"]
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_a_killed_build_leaves_no_folder_and_goes_on_with_its_notes(tmp_path):
    output = tmp_path / "out"

    def killed(partial):
        (partial / PROGRESS / "note").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_folder(output, {"format": "x"}, killed)
    assert not output.exists()
    seen = []

    def fill(partial):
        seen.append((partial / PROGRESS / "note").read_text())
        return {}

    assert build_folder(output, {"format": "x"}, fill)[1] is True
    assert seen == ["half"]


def test_something_else_in_the_way_is_not_overwritten(tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "precious").write_text("mine")
    with pytest.raises(UnusableInput, match="in the way"):
        build_folder(output, {"format": "x"}, fill_with("a"))
    (output / "manifest.json").write_text(json.dumps({"format": "y"}))
    with pytest.raises(UnusableInput, match=r"something else \(format differ"):
        build_folder(output, {"format": "x"}, fill_with("a"))
    (output / "manifest.json").write_text("{")
    with pytest.raises(UnusableInput, match="not a manifest"):
        build_folder(output, {"format": "x"}, fill_with("a"))
    assert (output / "precious").read_text() == "mine"


def test_unfinished_work_on_something_else_is_named(tmp_path):
    def killed(partial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_folder(tmp_path / "out", {"seed": 1}, killed)
    with pytest.raises(UnusableInput, match="unfinished work"):
        build_folder(tmp_path / "out", {"seed": 2}, fill_with("a"))


files = st.dictionaries(st.text(max_size=8), st.binary(max_size=8), max_size=6)


def digest(items):
    total = FileSetDigest()
    for name, content in items:
        total.add(name, content)
    return total


@given(files, st.integers(0, 99), st.integers(0, 6))
def test_the_digest_depends_neither_on_order_nor_on_how_the_work_was_split(files, seed, cut):
    items = list(files.items())
    shuffled = random.Random(seed).sample(items, len(items))
    merged = digest(shuffled[:cut])
    merged.merge(digest(shuffled[cut:]))
    assert str(merged) == str(digest(items))


@given(files.filter(bool), st.binary(min_size=1, max_size=3))
def test_the_digest_changes_with_any_content_and_with_any_name(files, more):
    name, content = next(iter(files.items()))
    assert str(digest(files.items())) != str(digest((files | {name: content + more}).items()))
    renamed = {key: value for key, value in files.items() if key != name}
    renamed[name + "?"] = content
    assert str(digest(files.items())) != str(digest(renamed.items()))


def test_hdf5_errors_without_an_errno_are_understood():
    error = OSError("Can't synchronously write data (errno = 28, error message = 'No space left')")
    assert "no space left" in explain_os_error(error)
    assert "no permission" in explain_os_error(PermissionError(13, "Permission denied", "/x"))
    assert "/x" in explain_os_error(FileNotFoundError(2, "No such file", "/x"))
