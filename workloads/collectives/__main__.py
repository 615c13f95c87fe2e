"""The command line of the collectives workload: `python -m workloads.collectives STAGE --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from workloads.collectives.presets import PRESETS
from workloads.common.command_line import (
    OneLineParser,
    add_gpus_option,
    common_options,
    run_chosen_stage,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one stage and return the exit code: 0 done, 1 the run failed, 2 unusable input."""
    return run_chosen_stage("workloads.collectives", _parser().parse_args(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(prog="python -m workloads.collectives", description=__doc__)
    stages = parser.add_subparsers(dest="stage", metavar="STAGE", required=True)
    _allreduce(stages, common_options(PRESETS))
    return parser


def _allreduce(stages: "argparse._SubParsersAction", common: argparse.ArgumentParser) -> None:
    stage = stages.add_parser(
        "allreduce",
        parents=[common],
        help="time the sum of tensors over all replicas",
        description="Time all-reduces as training makes them, over message sizes and over the "
        "gradients of each model, and check every sum. No data is read.",
    )
    stage.add_argument(
        "--output", type=Path, metavar="FOLDER", required=True, help="where records are written"
    )
    add_gpus_option(stage)


if __name__ == "__main__":
    sys.exit(main())
