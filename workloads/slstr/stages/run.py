"""The stage `run`: all stages in order, each a process of its own, as one would type them."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from workloads.common import checkpoints
from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.group.process_group import process_group
from workloads.common.own_code import own_code_environment
from workloads.common.writing import only_run
from workloads.slstr.matchups import MATCHUPS_FILE
from workloads.slstr.scene_hdf import TIMES_OF_DAY
from workloads.slstr.synthesis import SPLITS

MODEL = "model"


def run(options: argparse.Namespace) -> None:
    """Run every stage that is not finished in WORKDIR. Raises RunFailed with the first that fails.

    Raises UnusableInput where several processes were started, another run, or a stage that outlived
    one, is at work in WORKDIR, or it holds a network that was trained otherwise.
    """
    if process_group(os.environ).processes > 1:
        raise UnusableInput("`run` starts each stage once: start one process, or stage by stage")
    with only_run(options.work_folder) as lock:
        is_trained = _is_trained(options)
        for words in _stages(options):
            if words[0] != "train" or not is_trained:
                print(f"== {words[0]}", file=sys.stderr, flush=True)
                _start(words, options, lock)


def _is_trained(options: argparse.Namespace) -> bool:
    """Whether training is finished; UnusableInput where it was with other options."""
    last = options.work_folder / MODEL / checkpoints.LAST
    if not last.exists():
        return False
    about = checkpoints.describe(last)
    if not about.state["finished"]:
        return False
    asked = {"precision": options.precision, "epochs": options.epochs}
    for name, found in {**about.settings, "epochs": about.state["epochs"]}.items():
        if asked.get(name) not in (None, found):
            raise UnusableInput(
                f"{options.work_folder} holds a network trained with {name} {found}, not "
                f"{asked[name]}: choose another folder, or remove {last.parent}"
            )
    return True


def _stages(options: argparse.Namespace) -> list[list[str | Path]]:
    """The command lines, without what all stages have."""
    folder = options.work_folder
    archive, model, predictions = (folder / name for name in ("archive", MODEL, "predictions"))
    scenes, hdf = ({split: folder / kind / split for split in SPLITS} for kind in ("scenes", "hdf"))
    # By night there are no reflectances: a mask for both would need many more scenes and epochs.
    training, validation = (hdf[split] / TIMES_OF_DAY[0] for split in SPLITS)
    computing = [*_given(options, "gpus"), "--precision", options.precision]
    learning = [*_given(options, "epochs"), "--summary", folder / "results.csv"]
    return [
        ["synthesise", archive, *_given(options, "scenes", "size")],
        *(["extract", archive / f"{split}.txt", scenes[split]] for split in SPLITS),
        *(["convert_hdf", scenes[split], hdf[split]] for split in SPLITS),
        ["train", training, model, *computing, *learning],
        ["inference", model, validation, predictions, *computing],
        ["sst_comp", archive / MATCHUPS_FILE, predictions],
    ]


def _given(options: argparse.Namespace, *names: str) -> list[str]:
    """The options of these names that were given, to be handed on."""
    values = {name: getattr(options, name) for name in names}
    return [
        word
        for name, value in values.items()
        if value is not None
        for word in (f"--{name}", str(value))
    ]


def _start(words: list[str | Path], options: argparse.Namespace, lock: int) -> None:
    command = [sys.executable, "-m", "workloads.slstr", *map(str, words)]
    command += ["--preset", options.preset, "--seed", str(options.seed)]
    # A stage that outlives this process keeps the lock, and so another run waits for it.
    done = subprocess.run(command, env=own_code_environment(), pass_fds=(lock,))
    if done.returncode == UnusableInput.exit_code:
        raise UnusableInput(f"the stage {words[0]} cannot go on: its error is above")
    if done.returncode:
        raise RunFailed(
            f"the stage {words[0]} ended with exit code {done.returncode}: its error is above"
        )
