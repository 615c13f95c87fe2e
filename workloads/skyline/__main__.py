"""The command line of the skyline workload: `python -m workloads.skyline STAGE --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.common.command_line import (
    OneLineParser,
    add_data_options,
    add_gpus_option,
    add_measuring_options,
    common_options,
    positive,
    run_chosen_stage,
)
from workloads.skyline.layout import PATCH_SIZE
from workloads.skyline.presets import PRESETS

MODELS = ("original", "optimised")
PIPELINES = ("files", "packed")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
# The networks know mountains from patches of 29 pixels in photographs of a few hundred: in larger
# ones a patch shows too little of a mountain. It also bounds the memory that a photograph takes.
LONGEST_SIDE = 640
# The limit of libjpeg, by which the picture with the line is written.
LARGEST_JPEG = 65_500


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code: 0 done, 1 the run failed, 2 unusable input."""
    return run_chosen_stage("workloads.skyline", _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m workloads.skyline", description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    with_data = common_options(PRESETS)
    add_data_options(with_data)
    for add in (_download, _synthesise, _pack, _train, _evaluate, _extract):
        add(stages, with_data)
    _export(stages, common_options(PRESETS))
    return parser


def _download(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "download",
        parents=[common],
        help="fetch an archive of the dataset and unpack it",
        description="Fetch an archive of patches, check it, and unpack it at --output.",
    )
    stage.add_argument("--url", required=True, help="address of a .zip or .tar archive")
    stage.add_argument(
        "--sha256", required=True, metavar="DIGEST", help="what the archive's sha256 must be"
    )
    _output(stage, "where the dataset is unpacked", required=True)


def _synthesise(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "synthesise",
        parents=[common],
        help="draw photographs and cut patches",
        description="Draw seeded mountain photographs with their skylines, and cut patches from "
        "them in the published layout. Resumes a killed run; a finished dataset is left alone.",
    )
    _output(stage, "where the dataset is written (default: in the cache)")


def _pack(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "pack",
        parents=[common],
        help="decode patches into dense HDF5 shards",
        description="Decode the JPEG patches of --data into dense HDF5 shards with a manifest. "
        "Resumes a killed run; finished shards are left alone.",
    )
    _output(stage, "where the shards are written (default: in the cache)")
    stage.add_argument(
        "--skip-broken", action="store_true", help="leave broken JPEGs out, and count them"
    )


def _train(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "train",
        parents=[common],
        help="train a network and keep the best weights",
        description="Train on the training split, validate after every epoch. Start a killed run "
        "again with the same options to continue it.",
    )
    _output(stage, "where checkpoints and records are written", required=True)
    add_gpus_option(stage)
    stage.add_argument("--model", choices=MODELS, default="original", help="default: original")
    _pipeline(stage)
    stage.add_argument("--jit", action="store_true", help="compile the steps with XLA")
    stage.add_argument(
        "--precision", default="float32", choices=PRECISIONS, help="default: float32"
    )
    stage.add_argument(
        "--epochs", type=positive, metavar="N", help="at most (default: of the preset)"
    )
    stage.add_argument(
        "--max-steps",
        type=positive,
        metavar="N",
        help="end after N steps (default: no limit)",
    )
    stage.add_argument(
        "--global-batch",
        type=positive,
        metavar="N",
        help="patches in a step over all replicas, a multiple of 32 (default: 256)",
    )
    stage.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        help="use deterministic operations throughout (default: the preset's, and not with --jit); "
        "where not, a deterministic run of 100 steps goes before, for loss_step100",
    )
    add_measuring_options(stage)


def _evaluate(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "evaluate",
        parents=[common],
        help="score trained weights on the test split",
        description="Score the best weights of a training run on the whole test split.",
    )
    _checkpoint(stage, required=True)
    _output(stage, "where records are written", required=True)
    stage.add_argument(
        "--model", choices=MODELS, help="which network the checkpoint holds (default: as it says)"
    )
    add_gpus_option(stage)
    _pipeline(stage)


def _export(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "export",
        parents=[common],
        help="write trained weights as a SavedModel and for TensorFlow Lite",
        description="Write the best weights of a training run as models for photographs of any "
        "size, which need nothing of this suite: a SavedModel, and one for TensorFlow Lite.",
    )
    _checkpoint(stage, required=True)
    _output(stage, "where saved_model, skyline.tflite and manifest.json go", required=True)


def _extract(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "extract",
        parents=[common],
        help="find the skylines of photographs",
        description="Find the skyline of each photograph with a trained network, and write it as "
        "NAME.json and drawn in NAME.jpg. Where NAME.json lies beside a photograph, it is scored "
        "against that. Results that are there already are kept.",
    )
    stage.add_argument(
        "photographs",
        nargs="*",
        type=Path,
        metavar="PHOTOGRAPH",
        help="files, and folders with all those in them (default: the testing photographs of the "
        "dataset)",
    )
    stage.add_argument(
        "--list", type=Path, metavar="FILE", help="a text file with one more path in each line"
    )
    network = stage.add_mutually_exclusive_group(required=True)
    _checkpoint(network)
    network.add_argument(
        "--exported",
        type=Path,
        metavar="PATH",
        help="the --output of export, its saved_model or its skyline.tflite; only your own, for "
        "such models are programs",
    )
    _output(stage, "where results and records are written", required=True)
    add_gpus_option(stage)
    stage.add_argument(
        "--longest-side",
        type=_longest_side,
        default=LONGEST_SIDE,
        metavar="N",
        help="reduce larger photographs to N pixels for the network and the picture; the skyline "
        f"is that of the photograph itself (default: {LONGEST_SIDE})",
    )
    stage.add_argument(
        "--skip-broken", action="store_true", help="leave broken photographs out, and count them"
    )


def _longest_side(text: str) -> int:
    """An argument from the side of a patch to that of the largest JPEG."""
    number = int(text)
    if number < PATCH_SIZE:
        raise argparse.ArgumentTypeError(f"{number} is less than a patch, {PATCH_SIZE}")
    if number > LARGEST_JPEG:
        raise argparse.ArgumentTypeError(f"{number} is more than a JPEG has, {LARGEST_JPEG}")
    return number


def _checkpoint(stage: argparse._ActionsContainer, required: bool = False) -> None:
    stage.add_argument(
        "--checkpoint",
        type=Path,
        required=required,
        metavar="FOLDER",
        help="the --output of train",
    )


def _output(stage: argparse.ArgumentParser, meaning: str, required: bool = False) -> None:
    stage.add_argument("--output", type=Path, metavar="FOLDER", required=required, help=meaning)


def _pipeline(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "--scratch",
        type=Path,
        metavar="FOLDER",
        help="read the dataset from a copy on every node, made here for the run and then removed",
    )
    stage.add_argument(
        "--pipeline",
        choices=PIPELINES,
        default="packed",
        help="read the JPEG files in every epoch, or packed shards (default: packed)",
    )
    stage.add_argument(
        "--prefetch-to-device",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="with --pipeline files: copy batches to the GPU ahead of the step",
    )


if __name__ == "__main__":
    sys.exit(main())
