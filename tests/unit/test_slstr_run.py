"""The stage `run`: every stage as one would type it, in order, and none twice."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from workloads.common.checkpoints import LAST, Checkpoint
from workloads.slstr.__main__ import main
from workloads.slstr.stages import run as stage


@pytest.fixture
def started(monkeypatch):
    """The command lines that were started, without the interpreter; each ends with a code of 0."""
    found = []

    def start(command, env, pass_fds):
        assert pass_fds
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


def leave_training(folder, finished, precision="float32"):
    """What `train` leaves, as far as `run` looks at it."""
    (folder / "model").mkdir(parents=True)
    about = Checkpoint("unet", {"precision": precision}, {"epochs": 3, "finished": finished})
    with h5py.File(folder / "model" / LAST, "w") as file:
        file.attrs["model"] = about.model
        file.attrs["settings"] = json.dumps(about.settings)
        file.attrs["state"] = json.dumps(about.state)


@pytest.mark.parametrize("finished", [True, False])
def test_a_training_that_is_finished_is_not_done_again_and_others_go_on(
    started, tmp_path, finished
):
    commands, _ = started
    leave_training(tmp_path, finished)
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == 0
    assert ("train" in names(commands)) != finished
    assert "inference" in names(commands)


@pytest.mark.parametrize("options", [("--epochs", "4"), ("--precision", "mixed_bfloat16")])
def test_a_network_that_was_trained_otherwise_is_refused(started, tmp_path, capsys, options):
    leave_training(tmp_path, True)
    assert main(["run", str(tmp_path), "--preset", "tiny", *options]) == 2
    assert "holds a network trained with" in capsys.readouterr().err
    assert started[0] == []


def test_a_stage_that_outlives_its_run_keeps_others_out(tmp_path, capsys, monkeypatch):
    outliving = []

    def leave(command, env, pass_fds):
        sleeping = [sys.executable, "-c", "import sys; sys.stdin.read()"]
        outliving.append(subprocess.Popen(sleeping, stdin=subprocess.PIPE, pass_fds=pass_fds))
        raise KeyboardInterrupt

    monkeypatch.setattr(stage.subprocess, "run", leave)
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == 130
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == 2
    assert "another run is writing" in capsys.readouterr().err
    outliving[0].communicate()
    assert main(["run", str(tmp_path), "--preset", "tiny"]) == 130
    outliving[1].communicate()


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
