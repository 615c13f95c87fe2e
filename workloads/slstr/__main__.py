"""The command line of the SLSTR workload: `python -m workloads.slstr STAGE --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.common.command_line import (
    OneLineParser,
    add_gpus_option,
    add_measuring_options,
    common_options,
    positive,
    run_chosen_stage,
)
from workloads.slstr.presets import PRESETS, SIZES

PACKINGS = ("float32", "float16")
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
CACHES = ("memory", "disk", "none")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code: 0 done, 1 the run failed, 2 unusable input."""
    return run_chosen_stage("workloads.slstr", _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m workloads.slstr", description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    common = common_options(PRESETS)
    for add in (_synthesise, _extract, _convert_hdf, _train, _inference, _sst_comp, _run):
        add(stages, common)
    return parser


def _synthesise(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "synthesise",
        parents=[common],
        help="draw zipped scenes and a match-up table",
        description="Draw seeded scenes in the format of the archive, zipped, with lists of those "
        "for training and for validation, and match-ups with buoys. Resumes a killed run; a "
        "finished folder is left alone.",
    )
    stage.add_argument("output", type=Path, metavar="OUT", help="where the scenes are written")
    _drawn(stage)
    stage.add_argument(
        "--refresh",
        action="store_true",
        help="draw them again where another version of this suite, or other options, drew OUT",
    )


def _extract(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "extract",
        parents=[common],
        help="unzip the scenes of a list",
        description="Unzip every archive of a list and check it. Resumes a killed run; scenes that "
        "are there already are kept.",
    )
    stage.add_argument(
        "file_list",
        type=Path,
        metavar="FILE_LIST",
        help="a text file with the path of an archive in each line, relative to its own folder",
    )
    stage.add_argument("output", type=Path, metavar="OUT", help="where the scenes are unpacked")


def _convert_hdf(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "convert_hdf",
        parents=[common],
        help="turn scenes into one HDF5 file each",
        description="Write brightness temperatures, reflectances and masks of every scene on the "
        "1 km grid as one HDF5 file, in OUT/day or OUT/night. Resumes a killed run.",
    )
    stage.add_argument("input", type=Path, metavar="IN", help="a folder of unpacked scenes")
    stage.add_argument("output", type=Path, metavar="OUT", help="where the files are written")
    stage.add_argument(
        "--packing", choices=PACKINGS, default="float32", help="of the channels (default: float32)"
    )
    stage.add_argument(
        "--geolocation", action="store_true", help="write latitude and longitude as well"
    )
    stage.add_argument(
        "--keep-going",
        action="store_true",
        help="leave scenes that cannot be used out, and list them in rejected.csv",
    )
    stage.add_argument(
        "--workers",
        type=positive,
        metavar="N",
        help="scenes converted at a time (default: as many as there are processors)",
    )
    stage.add_argument(
        "--patch-size",
        type=positive,
        metavar="N",
        help="side of a chunk in pixels, so that a patch is one read (default: the preset's)",
    )


def _train(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "train",
        parents=[common],
        help="train the cloud mask and keep the best weights",
        description="Train on four fifths of the scenes and test on the rest after every epoch. "
        "Start a killed run again with the same options to continue it.",
    )
    _hdf(stage)
    stage.add_argument(
        "output", type=Path, metavar="OUT", help="where model.keras, checkpoints and records go"
    )
    _computing(stage)
    stage.add_argument(
        "--cache",
        choices=CACHES,
        default="memory",
        help="keep patches once they have been read (default: memory)",
    )
    stage.add_argument(
        "--scratch",
        type=Path,
        metavar="FOLDER",
        help="where --cache disk keeps them (default: OUT)",
    )
    stage.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="patches of each replica in a step (default: the preset's)",
    )
    _epochs(stage)
    stage.add_argument(
        "--max-steps", type=positive, metavar="N", help="end after N steps (default: no limit)"
    )
    stage.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        help="use deterministic operations throughout (default: the preset's); where not, a "
        "deterministic run of 100 steps goes before, for loss_step100",
    )
    stage.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help="add the run to this CSV table, which has the published columns",
    )
    add_measuring_options(stage)


def _inference(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "inference",
        parents=[common],
        help="mask the clouds of scenes",
        description="Write a cloud mask and its probabilities for each scene, and score the masks "
        "against the Bayesian ones and, where it is known, the truth. Results that are there "
        "already are kept.",
    )
    stage.add_argument(
        "model", type=Path, metavar="MODEL", help="a .keras or .h5 file, or the OUT of train"
    )
    _hdf(stage)
    stage.add_argument(
        "predictions", type=Path, metavar="PREDICTIONS", help="where NAME.h5 of each scene goes"
    )
    _computing(stage)
    stage.add_argument(
        "--tile",
        type=positive,
        metavar="N",
        help="compute tiles of NxN pixels one by one, for little memory; the mask is the same "
        "(default: whole scenes)",
    )


def _sst_comp(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "sst_comp",
        parents=[common],
        help="compare sea-surface temperatures with buoys",
        description="Compare satellite with buoy over all match-ups, those that the network calls "
        "clear, and those that the operational mask does: as a table, a CSV and a histogram.",
    )
    stage.add_argument(
        "matchups", type=Path, metavar="MATCHUPS", help="the table, sst_matchups.h5 of synthesise"
    )
    stage.add_argument(
        "predictions", type=Path, metavar="PREDICTIONS", help="the PREDICTIONS of inference"
    )
    stage.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where the table and the histogram go (default: PREDICTIONS/sst_comp)",
    )


def _run(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "run",
        parents=[common],
        help="all of it, from nothing",
        description="Draw scenes, unpack and convert them, train on those for training, mask those "
        "for validation, and compare with buoys. Resumes a killed run.",
    )
    stage.add_argument(
        "work_folder", type=Path, metavar="WORKDIR", help="a folder for every stage's results"
    )
    _drawn(stage)
    _computing(stage)
    _epochs(stage)


def _drawn(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "--scenes", type=positive, metavar="N", help="how many (default: the preset's)"
    )
    stage.add_argument(
        "--size",
        choices=sorted(SIZES),
        help="; ".join(f"{name}: {size.rows}x{size.columns} km" for name, size in SIZES.items())
        + " (default: the preset's)",
    )


def _hdf(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "hdf", type=Path, metavar="HDF", help="the OUT of convert_hdf, or its folder of one time"
    )


def _computing(stage: argparse.ArgumentParser) -> None:
    devices = stage.add_mutually_exclusive_group()
    add_gpus_option(devices)
    devices.add_argument(
        "--cpu-only", action="store_const", const=0, dest="gpus", help="the same as --gpus 0"
    )
    stage.add_argument(
        "--precision", default="float32", choices=PRECISIONS, help="default: float32"
    )


def _epochs(stage: argparse.ArgumentParser) -> None:
    stage.add_argument(
        "--epochs", type=positive, metavar="N", help="at most (default: of the preset)"
    )


if __name__ == "__main__":
    sys.exit(main())
