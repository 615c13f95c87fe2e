"""`python -m workloads.container cost`: both sides in turn, in processes of their own."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from workloads.container.__main__ import main

CHECKOUT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("stand_in_python.py")
IMAGE_WORDS = [sys.executable, str(STAND_IN), "image"]
# A child that says when it waits, and leaves a file when it is told to end.
WAITING = """
import pathlib, signal, sys
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[2]).touch(), sys.exit()))
pathlib.Path(sys.argv[1]).write_text("waiting")
signal.pause()
"""
MEASURING = """
import os, pathlib, sys
from workloads.common.command_line import run_stage
from workloads.container.children import run_child
log, *command = sys.argv[1:]
sys.exit(run_stage(lambda: run_child("it", command, os.environ, pathlib.Path(log)), False))
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run `cost` with stand-ins on both sides; its exit code, standard output and error."""
    native = tmp_path / "native"
    native.write_text(
        f'#!/bin/sh\nexec {shlex.join([sys.executable, str(STAND_IN)])} native "$@"\n'
    )
    native.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(native))
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))

    def running(*options, answers=None, launch=IMAGE_WORDS):
        monkeypatch.setenv("STAND_IN", json.dumps(answers or {}))
        command = ["cost", "--workload", "skyline", "--preset", "tiny", "--runs", "2"]
        command += ["--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
        try:
            code = main([*command, *options, "--", *launch])
        except SystemExit as ended:
            code = ended.code
        return code, *capsys.readouterr()

    return running


def calls(folder):
    """What was started, in order: side, what, arguments, variables of Python."""
    return [json.loads(line) for line in (folder / "calls").read_text().splitlines()]


def records(folder):
    lines = (folder / "out/cost.records.log").read_text().splitlines()
    return [json.loads(line.removeprefix(":::MLLOG ")) for line in lines]


def values(folder):
    return {record["key"]: record["value"] for record in records(folder)}


def test_both_sides_do_everything_in_turn_after_the_data_is_prepared(run, tmp_path):
    code, _, error = run()
    assert code == 0, error
    first, second = ("native", "image"), ("image", "native")
    done = [(side, name) for side, name, *_ in calls(tmp_path)]
    assert done == [
        ("native", "pack"),
        ("image", "start"),
        *((side, "start") for side in (*first, *second)),
        *((side, "import") for side in (*first, *second)),
        *((side, "train-1") for side in first),
        *((side, "train-2") for side in second),
    ]


def test_both_sides_train_the_same_into_folders_of_their_own(run, tmp_path):
    run("--seed", "3", "--gpus", "1")
    trainings = [(side, words) for side, name, words, _ in calls(tmp_path) if "train" in name]
    outputs = Counter(words[words.index("--output") + 1] for _, words in trainings)
    assert len(outputs) == 4
    assert all(path.startswith(str(tmp_path / "out")) for path in outputs)
    for _, words in trainings:
        words.remove(next(word for word in words if word in outputs))
        assert words == trainings[0][1]
    assert " ".join(trainings[0][1]).endswith("--gpus 1 --preset tiny --seed 3")
    assert str(tmp_path / "cache") in trainings[0][1]
    # Nothing but records and logs is kept.
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {".log", ""}
    assert not any(path.is_dir() for path in (tmp_path / "out").iterdir())


def test_the_python_of_the_host_stays_out_of_the_image(run, tmp_path, monkeypatch):
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE"):
        monkeypatch.setenv(name, "/host")
    run()
    for side, _, _, variables in calls(tmp_path):
        if side == "image":
            assert not {"PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE"} & variables.keys()
        else:
            assert variables["PYTHONPATH"] == f"{CHECKOUT}:/host"


def test_the_figures_are_those_of_the_runs(run, tmp_path):
    slower = {"image": {name: {"figures": {"throughput": 95.0}} for name in ("train-1", "train-2")}}
    image = tmp_path / "image.sif"
    image.write_bytes(b"x" * 2000)
    code, output, error = run("--image", str(image), answers=slower)
    assert code == 0, error
    told = values(tmp_path)
    for name in ("throughput_ratio", "throughput_ratio_low", "throughput_ratio_high"):
        assert told[name] == pytest.approx(0.95)
        assert name in output
    assert told["native_throughput"] == pytest.approx(100)
    assert told["image_throughput"] == pytest.approx(95)
    assert told["image_size_bytes"] == 2000
    assert told["native_import_seconds"] == told["image_import_seconds"] == pytest.approx(0.5)
    for name in ("native_start_seconds", "image_start_seconds", "image_first_start_seconds"):
        assert told[name] > 0
    assert told["results_agree"] is True
    assert told["trained_workload"] == "skyline"
    assert told["dataset_digest"] == "sha256:0123"
    assert (told["image_name"], told["image_commit"]) == ("skyline", "0123")
    assert told["workload_version"].endswith("-skyline-2")
    assert "0.95 to 0.95" in output
    series = {each["metadata"].get("series"): each["value"] for each in records(tmp_path)}
    assert series["throughput"] == {"native": [100, 100], "image": [95, 95]}


def test_the_size_is_left_out_of_an_image_that_is_no_file(run, tmp_path):
    assert run()[0] == 0
    assert "image_size_bytes" not in values(tmp_path)


@pytest.mark.parametrize("name", ["start", "import", "train-1", "train-2"])
@pytest.mark.parametrize("side", ["native", "image"])
def test_a_run_that_fails_ends_the_stage_with_its_own_reason(run, tmp_path, side, name):
    answers = {side: {name: {"stderr": "noise\nerror: the disk is full\nmore", "exit_code": 1}}}
    code, _, error = run(answers=answers)
    assert code == 1
    where = {"native": "natively", "image": "in the image"}[side]
    [complaint] = [line for line in error.splitlines() if line.startswith("error: ")]
    assert complaint.endswith(f"{where} ended with exit code 1: the disk is full")
    assert records(tmp_path)[-1]["metadata"]["status"] == "failed"
    assert calls(tmp_path)[-1][:2] == [side, name]


def test_data_that_cannot_be_prepared_ends_the_stage(run, tmp_path):
    answers = {"native": {"pack": {"stderr": "error: no such dataset", "exit_code": 2}}}
    code, _, error = run("--data", "given", answers=answers)
    assert code == 2
    assert "pack natively ended with exit code 2: no such dataset" in error
    assert str(Path.cwd() / "given") in calls(tmp_path)[0][2]


def test_a_launcher_that_is_no_program_is_named(run, tmp_path):
    launcher = tmp_path / "apptainer.conf"
    launcher.write_text("")
    code, _, error = run(launch=[str(launcher), "exec"])
    assert code == 2
    assert f"{launcher} is no program" in error


def test_a_launcher_that_is_not_there_is_named(run, tmp_path):
    code, _, error = run(launch=[str(tmp_path / "no-apptainer"), "exec"])
    assert code == 2
    assert f"there is no program {tmp_path}/no-apptainer here" in error


def test_an_image_that_is_not_there_is_named_before_anything_is_run(run, tmp_path):
    code, _, error = run("--image", str(tmp_path / "nowhere.sif"))
    assert code == 2
    assert "nowhere.sif" in error
    assert not (tmp_path / "calls").exists()


@pytest.mark.parametrize(
    ("side", "name", "which"),
    [("image", "train-1", "run 1 in the image"), ("native", "train-2", "run 2 natively")],
)
def test_another_result_is_red_and_ends_the_stage(run, tmp_path, side, name, which):
    code, _, error = run(answers={side: {name: {"figures": {"loss_step100": 0.2500000001}}}})
    assert code == 1
    assert f"loss_step100 is 0.25 in run 1 natively, 0.2500000001 in {which}" in error
    assert "results_agree" not in values(tmp_path)


@pytest.mark.parametrize(
    ("side", "name", "words"),
    [
        ("image", None, "ran no code of an image"),
        ("native", "skyline", "runs in the image of skyline itself"),
    ],
)
def test_two_sides_that_are_one_and_the_same_are_refused(run, side, name, words):
    code, _, error = run(answers={side: {"train-1": {"provenance": {"image_name": name}}}})
    assert code == 2
    assert words in error


@pytest.mark.parametrize("stdout", ["", "half a second"])
def test_an_import_that_tells_no_seconds_is_red(run, stdout):
    code, _, error = run(answers={"image": {"import": {"stdout": stdout}}})
    assert code == 1
    assert "importing TensorFlow in the image printed no seconds" in error


def test_a_training_without_a_speed_is_red(run):
    answers = {"image": {"train-1": {"figures": {"throughput": None}}}}
    code, _, error = run(answers=answers)
    assert code == 1
    assert "the training reports no throughput" in error


def test_what_an_earlier_run_left_is_not_taken_for_this_one_s(run, tmp_path):
    left = tmp_path / "out/work/native-1/weights"
    left.mkdir(parents=True)
    assert run()[0] == 0
    assert not left.exists()


@pytest.mark.parametrize(
    ("options", "words"), [(["--runs", "1"], "no number from 2 on"), (["--gpus", "2"], "--gpus")]
)
def test_what_cannot_be_measured_is_refused(run, options, words):
    code, _, error = run(*options)
    assert code == 2
    assert words in error


def test_without_a_launch_the_help_is_named(run):
    code, _, error = run(launch=[])
    assert code == 2
    assert "WORD" in error


def test_words_of_the_launch_may_look_like_options(run):
    wrapper = ["env", "-u", "NOTHING", *IMAGE_WORDS]
    code, _, error = run(launch=wrapper)
    assert code == 0, error


def test_several_processes_are_refused(run, monkeypatch):
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    code, _, error = run()
    assert code == 2
    assert "start one process" in error


def test_sigterm_is_handed_on_to_what_is_being_measured(tmp_path):
    told, ended = tmp_path / "told", tmp_path / "ended"
    os.mkfifo(told)
    child = [sys.executable, "-c", WAITING, str(told), str(ended)]
    process = subprocess.Popen([sys.executable, "-c", MEASURING, str(tmp_path / "log"), *child])
    assert told.read_text() == "waiting"
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert ended.exists()
