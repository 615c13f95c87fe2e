"""The stage `run`: every stage as one would type it, in order, and none twice."""

import subprocess
from pathlib import Path

import pytest

from workloads.slstr.__main__ import main
from workloads.slstr.networks import MODEL_FILE
from workloads.slstr.stages import run as stage


@pytest.fixture
def started(monkeypatch):
    """The command lines that were started, without the interpreter; each ends with a code of 0."""
    found = []

    def start(command, env):
        found.append(command[3:])
        return subprocess.CompletedProcess(command, start.codes.get(command[3], 0))

    start.codes = {}
    monkeypatch.setattr(stage.subprocess, "run", start)
    found_codes = start.codes
    return found, found_codes


def names(commands):
    return [command[0] for command in commands]


def test_every_stage_reads_what_an_earlier_one_writes(started, tmp_path):
    commands, _ = started
    options = ("--preset", "tiny", "--seed", "4", "--cpu-only", "--epochs", "2", "--scenes", "8")
    assert main(["run", str(tmp_path), *options]) == 0
    pairs = ["extract", "extract", "convert_hdf", "convert_hdf"]
    assert names(commands) == ["synthesise", *pairs, "train", "inference", "sst_comp"]
    for command in commands:
        assert command[-4:] == ["--preset", "tiny", "--seed", "4"]
    drawn, first, second, convert, other, train, infer, compare = commands
    archive = str(tmp_path / "archive")
    assert drawn[1:4] == [archive, "--scenes", "8"]
    assert (first[1], second[1]) == (f"{archive}/training.txt", f"{archive}/validation.txt")
    assert (convert[1], other[1]) == (first[2], second[2])
    assert (train[1], infer[2]) == (f"{convert[2]}/day", f"{other[2]}/day")
    assert (infer[1], compare[2]) == (train[2], infer[3])
    assert compare[1] == f"{archive}/sst_matchups.h5"
    for command in (train, infer):
        assert command[command.index("--gpus") + 1] == "0"
    assert train[train.index("--epochs") + 1] == "2"


def test_a_network_that_is_there_is_not_trained_again(started, tmp_path):
    commands, _ = started
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / MODEL_FILE).touch()
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == 0
    assert "train" not in names(commands)
    assert "inference" in names(commands)


@pytest.mark.parametrize(("code", "ending"), [(2, 2), (1, 1), (-9, 1)])
def test_a_stage_that_fails_ends_the_run_and_is_named(started, tmp_path, capsys, code, ending):
    commands, codes = started
    codes["convert_hdf"] = code
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == ending
    assert names(commands)[-1] == "convert_hdf"
    assert "the stage convert_hdf" in capsys.readouterr().err


def test_several_processes_are_refused(started, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(stage, "process_group", lambda _: type("Group", (), {"processes": 2})())
    assert main(["run", str(Path(tmp_path))]) == 2
    assert "start one process" in capsys.readouterr().err
    assert started[0] == []
