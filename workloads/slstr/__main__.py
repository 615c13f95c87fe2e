"""The command line of the SLSTR workload: `python -m workloads.slstr STAGE --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.common.command_line import OneLineParser, common_options, positive, run_chosen_stage
from workloads.slstr.presets import PRESETS, SIZES

PACKINGS = ("float32", "float16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code: 0 done, 1 the run failed, 2 unusable input."""
    return run_chosen_stage("workloads.slstr", _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m workloads.slstr", description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    common = common_options(PRESETS)
    for add in (_synthesise, _extract, _convert_hdf):
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
    stage.add_argument(
        "--scenes", type=positive, metavar="N", help="how many (default: the preset's)"
    )
    stage.add_argument(
        "--size",
        choices=sorted(SIZES),
        help="; ".join(f"{name}: {size.rows}x{size.columns} km" for name, size in SIZES.items())
        + " (default: the preset's)",
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


if __name__ == "__main__":
    sys.exit(main())
