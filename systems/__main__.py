"""Command line of the sites: `python -m systems detect`, `python -m systems check`."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from systems.probing.errors import UnusableInput, one_line

RED = 1
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Exits with code 2, saying what is wrong and where help is."""
        self.exit(UnusableInput.exit_code, f"error: {message}; see {self.prog} --help\n")


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes") from None

    if not 0 < number <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and a day")

    return number


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = _Parser(prog="python -m systems", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    probing = _Parser(add_help=False)
    probing.add_argument(
        "--probe-minutes",
        type=_minutes,
        default=5,
        metavar="N",
        help="how long to wait for the jobs that look at a node of each partition (default: 5)",
    )

    detect = commands.add_parser(
        "detect",
        parents=[probing],
        help="write a site file for the cluster at hand",
        description="Asks Slurm, or PBS or Torque, what the cluster has, looks at one node of each "
        "partition with a short job, and writes a site file. It asks nothing; what it could not "
        "know stands in the file's comments. Jobs are submitted with the account in "
        "TRIGPOINT_ACCOUNT where that is set, and prepared below the folder in RFM_STAGE_DIR "
        "(default: ./stage), which compute nodes must see. Exit codes: 0 written, 2 unusable "
        "input; Ctrl-C cancels the jobs.",
    )
    detect.add_argument(
        "--output", type=Path, metavar="FILE", help="the file to write (default: systems/NAME.py)"
    )
    detect.add_argument("--name", help="of the system (default: what the cluster calls itself)")
    detect.add_argument(
        "--scheduler",
        choices=("slurm", "pbs"),
        help="whom to ask (default: Slurm where it is installed, else PBS or Torque)",
    )
    detect.add_argument("--force", action="store_true", help="replace a file that is there already")

    check = commands.add_parser(
        "check",
        parents=[probing],
        help="preflight: does every partition have what its site file promises?",
        description="Sees whether the checks load for the selected system, submits one short job "
        "to each of its partitions where they do, and prints one line for each thing that the "
        "suite needs: green, amber where it stops no case or not all, or red, why, and what to do. "
        "Exit codes: 0 nothing is red, 1 something is, 2 unusable input; Ctrl-C cancels the jobs.",
    )
    check.add_argument(
        "-C",
        "--config",
        action="append",
        default=[],
        metavar="FILE",
        help="a configuration file of ReFrame's (default: RFM_CONFIG_FILES and RFM_CONFIG_PATH)",
    )
    check.add_argument(
        "--system",
        metavar="NAME[:PARTITION]",
        default=os.environ.get("RFM_SYSTEM") or None,
        help="default: RFM_SYSTEM, else the system of this host",
    )
    check.add_argument("--json", action="store_true", help="print one record for programs")
    return made


def _detect(options: argparse.Namespace) -> int:
    from systems.detection.discovery import detect

    path, name = detect(
        options.output, options.name, options.scheduler, options.probe_minutes, options.force
    )
    # By its name: RFM_SYSTEM may name another, or another file match this host.
    command = f"python -m systems check --config {path} --system {name}"
    print(f"{path}: read its comments, then see it work: {command}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from systems.probing.configuration import configuration_files, select
    from systems.probing.findings import as_json, print_findings
    from systems.probing.preflight import check

    system = select(configuration_files(options.config), options.system)
    found = check(system, options.system or system.name, options.config, options.probe_minutes)
    if options.json:
        print(json.dumps(as_json(system.name, found)))
    else:
        print_findings(found)

    return 0 if all(each.green for each in found) else RED


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = parser().parse_args(arguments)
    # A job that was submitted is cancelled whichever way this ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return {"detect": _detect, "check": _check}[options.command](options)
    except UnusableInput as error:
        print(f"error: {one_line(error, 1000)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
