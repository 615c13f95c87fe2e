"""What TensorFlow on this machine was built for, and the devices that it sees."""

import argparse
import dataclasses
import json
import sys

from workloads.common.command_line import OneLineParser, run_stage


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = OneLineParser(
        prog="python -m workloads.devices",
        description=f"{__doc__} Exit code 0, whether or not there is a GPU; 1 where TensorFlow "
        "cannot be loaded.",
    )
    made.add_argument("--json", action="store_true", help="print one line for programs")
    made.add_argument("--debug", action="store_true", help="show the traceback of an error as well")
    return made


def tell(as_json: bool) -> None:
    """Print the inventory as a table, or as one line of JSON."""
    # Importing TensorFlow takes seconds: --help does not wait for it.
    from workloads.common.inventory import take_inventory
    from workloads.devices.table import print_table

    inventory = take_inventory()
    if as_json:
        print(json.dumps(dataclasses.asdict(inventory)))
    else:
        print_table(inventory)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = parser().parse_args(arguments)
    return run_stage(lambda: tell(options.json), options.debug)


if __name__ == "__main__":
    sys.exit(main())
