"""Offline sites: nothing is downloaded, drawn or packed, and what is missing is named."""

import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from workloads.common.offline import is_offline
from workloads.skyline.__main__ import main

CHECKOUT = Path(__file__).parents[2]
TRAIN = ("train", "--gpus", 0, "--max-steps", 2)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setenv("TRIGPOINT_OFFLINE", "1")


def run(capsys, *arguments):
    code = main([str(each) for each in arguments])
    written = capsys.readouterr()
    return code, written.out, written.err


def command_in(error):
    """The arguments of `python -m workloads.skyline` that a message names."""
    words = shlex.split(error.split("`")[1])
    assert words[:3] == ["python", "-m", "workloads.skyline"]
    return words[3:]


@pytest.mark.parametrize(
    ("arguments", "maker"),
    [
        (("synthesise",), "synthesise"),
        (("pack",), "pack"),
        ((*TRAIN, "--output", "OUT"), "pack"),
        ((*TRAIN, "--output", "OUT", "--pipeline", "files"), "synthesise"),
    ],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(
    offline, monkeypatch, capsys, tmp_path, arguments, maker
):
    arguments = [tmp_path / "out" if each == "OUT" else each for each in arguments]
    sized = ("--preset", "tiny", "--seed", 7, "--cache", tmp_path / "my cache")
    code, _, error = run(capsys, *arguments, *sized)
    assert code == 2
    assert not (tmp_path / "my cache").exists()
    making = command_in(error)
    assert making[0] == maker
    monkeypatch.delenv("TRIGPOINT_OFFLINE")
    assert run(capsys, *making)[0] == 0
    monkeypatch.setenv("TRIGPOINT_OFFLINE", "1")
    assert run(capsys, arguments[0], *arguments[1:], *sized)[0] == 0


@pytest.mark.parametrize(
    ("value", "offline"),
    [("1", True), ("true", True), ("yes", True), ("no", True), ("0", False), ("", False)],
)
def test_any_value_but_none_and_0_is_offline(monkeypatch, value, offline):
    monkeypatch.setenv("TRIGPOINT_OFFLINE", value)
    assert is_offline() is offline


def test_what_is_there_is_used_even_without_what_it_was_made_of(
    offline, capsys, tiny_packed, tmp_path
):
    copy = tmp_path / "cache/skyline" / tiny_packed.parent.name / tiny_packed.name
    shutil.copytree(tiny_packed, copy)
    sized = ("--preset", "tiny", "--cache", tmp_path / "cache")
    assert run(capsys, "pack", *sized)[0] == 0
    train = (*TRAIN, "--output", tmp_path / "out")
    assert run(capsys, *train, *sized)[0] == 0


def test_an_output_that_is_missing_is_part_of_the_command(offline, capsys, tmp_path):
    for stage in ("synthesise", "pack"):
        output = tmp_path / "out"
        arguments = (stage, "--preset", "tiny", "--cache", tmp_path, "--output", output)
        code, _, error = run(capsys, *arguments)
        assert code == 2
        assert command_in(error)[-2:] == ["--output", str(output)]


def test_a_given_dataset_that_is_not_packed_is_packed_elsewhere(
    offline, capsys, tiny_patches, tmp_path
):
    arguments = ("pack", "--data", tiny_patches, "--preset", "tiny", "--cache", tmp_path)
    code, _, error = run(capsys, *arguments)
    assert code == 2
    making = command_in(error)
    assert making[making.index("--data") + 1] == str(tiny_patches)


def test_nothing_is_downloaded(offline, capsys, tmp_path):
    arguments = ("download", "--url", "http://127.0.0.1:9/x.zip", "--sha256", "0" * 64)
    code, _, error = run(capsys, *arguments, "--output", tmp_path / "out")
    assert code == 2
    assert command_in(error) == [*arguments, "--output", str(tmp_path / "out")]


def test_a_given_dataset_is_checked_where_there_is_nothing_to_draw(
    capsys, tiny_patches, tiny_packed, tmp_path
):
    for data in (tiny_patches, tiny_packed):
        code, out, error = run(capsys, "synthesise", "--data", data)
        assert code == 0, error
        assert '"already_there"' in out
        assert '"status": "success"' in out
        assert '"dataset", "value": "given"' in out
    (tmp_path / "empty").mkdir()
    code, _, error = run(capsys, "synthesise", "--data", tmp_path / "empty")
    assert code == 2
    assert "no patches at" in error
    code, _, error = run(capsys, "synthesise", "--data", tiny_patches, "--output", tmp_path / "o")
    assert code == 2
    assert "leave out --output" in error


def test_what_the_stages_write_is_as_readable_as_the_umask_says(tmp_path):
    command = [
        sys.executable,
        "-m",
        "workloads.skyline",
        "train",
        "--gpus",
        "0",
        "--max-steps",
        "2",
    ]
    command += ["--preset", "tiny", "--cache", tmp_path / "cache", "--output", tmp_path / "run"]
    subprocess.run(command, cwd=CHECKOUT, umask=0o027, check=True, capture_output=True)
    paths = [path for path in tmp_path.rglob("*") if path.parent != tmp_path]
    assert len(paths) > 100
    for path in paths:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o750 if path.is_dir() else 0o640), path
