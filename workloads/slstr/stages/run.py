"""The stage `run`: all stages in order, each a process of its own, as one would type them."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.group.process_group import process_group
from workloads.common.provenance import CHECKOUT
from workloads.slstr.matchups import MATCHUPS_FILE
from workloads.slstr.networks import MODEL_FILE
from workloads.slstr.scene_hdf import TIMES_OF_DAY
from workloads.slstr.synthesis import SPLITS


def run(options: argparse.Namespace) -> None:
    """Run every stage that is not finished in WORKDIR. Raises RunFailed with the first that fails.

    Raises UnusableInput where several processes were started.
    """
    if process_group(os.environ).processes > 1:
        raise UnusableInput("`run` starts each stage once: start one process, or stage by stage")
    for words in _stages(options):
        print(f"== {words[0]}", file=sys.stderr, flush=True)
        _start(words, options)


def _stages(options: argparse.Namespace) -> list[list[str | Path]]:
    """The command lines, without what all stages have; a trained network is not trained again."""
    folder = options.work_folder
    archive, model, predictions = (folder / name for name in ("archive", "model", "predictions"))
    scenes, hdf = ({split: folder / kind / split for split in SPLITS} for kind in ("scenes", "hdf"))
    training, validation = SPLITS
    computing = [*_given(options, "gpus"), "--precision", options.precision]
    stages: list[list[str | Path]] = [
        ["synthesise", archive, *_given(options, "scenes", "size")],
        *(["extract", archive / f"{split}.txt", scenes[split]] for split in SPLITS),
        *(["convert_hdf", scenes[split], hdf[split]] for split in SPLITS),
    ]
    # By night there are no reflectances: a mask for both would need many more scenes and epochs.
    by_day = {split: folder / TIMES_OF_DAY[0] for split, folder in hdf.items()}
    if not (model / MODEL_FILE).exists():
        summary = ["--summary", folder / "results.csv"]
        epochs = _given(options, "epochs")
        stages.append(["train", by_day[training], model, *computing, *epochs, *summary])
    stages.append(["inference", model, by_day[validation], predictions, *computing])
    stages.append(["sst_comp", archive / MATCHUPS_FILE, predictions])
    return stages


def _given(options: argparse.Namespace, *names: str) -> list[str]:
    """The options of these names that were given, to be handed on."""
    values = {name: getattr(options, name) for name in names}
    return [
        word
        for name, value in values.items()
        if value is not None
        for word in (f"--{name}", str(value))
    ]


def _start(words: list[str | Path], options: argparse.Namespace) -> None:
    command = [sys.executable, "-m", "workloads.slstr", *map(str, words)]
    command += ["--preset", options.preset, "--seed", str(options.seed)]
    paths = [str(CHECKOUT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=environment)
    if done.returncode == UnusableInput.exit_code:
        raise UnusableInput(f"the stage {words[0]} cannot go on: its error is above")
    if done.returncode:
        raise RunFailed(
            f"the stage {words[0]} ended with exit code {done.returncode}: its error is above"
        )
