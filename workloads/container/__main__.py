"""The command line of the container workload: `python -m workloads.container STAGE --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.common.command_line import (
    OneLineParser,
    add_data_options,
    common_options,
    run_chosen_stage,
)
from workloads.container.presets import PRESETS
from workloads.container.trainings import TRAININGS

FEWEST_RUNS = 2
_EXAMPLE = (
    "python -m workloads.container cost --workload skyline --output runs/cost --image s.sif -- "
    "apptainer exec -B $PWD:$PWD --pwd $PWD s.sif /opt/trigpoint/environment/bin/python"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code: 0 done, 1 the run failed, 2 unusable input."""
    return run_chosen_stage("workloads.container", _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m workloads.container", description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    with_data = common_options(PRESETS)
    add_data_options(with_data)
    _cost(stages, with_data)
    return parser


def _cost(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "cost",
        parents=[common],
        help="compare a training in an image with the same one natively",
        description="Measure what an image costs: starts of its Python, imports of TensorFlow, and "
        "trainings, each natively and in the image in turn. The data is prepared before, natively. "
        "Both sides must come to the same result, to the last digit. The folders of --output, "
        "--cache and --data must be bound in the image at their own paths.",
        epilog=f"example: {_EXAMPLE}",
    )
    stage.add_argument(
        "launch",
        nargs="+",
        metavar="WORD",
        help="behind `--`: the command that starts Python in the image",
    )
    stage.add_argument(
        "--workload", choices=sorted(TRAININGS), required=True, help="what is trained"
    )
    stage.add_argument(
        "--image",
        type=Path,
        metavar="PATH",
        help="the image's file or sandbox, for its size (default: its size is not recorded)",
    )
    stage.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        required=True,
        help="where records and the logs of all runs are written",
    )
    stage.add_argument(
        "--runs",
        type=_several,
        default=5,
        metavar="N",
        help=f"of everything on either side, {FEWEST_RUNS} or more (default: 5)",
    )
    stage.add_argument(
        "--gpus", type=int, choices=(0, 1), default=0, help="1 for a GPU (default: 0, the CPU)"
    )


def _several(text: str) -> int:
    """An argument that is enough for an interval."""
    if not (text.isascii() and text.isdecimal()) or int(text) < FEWEST_RUNS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {FEWEST_RUNS} on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
