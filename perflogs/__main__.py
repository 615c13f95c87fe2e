"""The history of the suite: `python -m perflogs COMMAND`, with `--help` for each command."""

import argparse
import importlib
import os
import sys
from typing import NoReturn

from perflogs.exit_codes import UNUSABLE_INPUT

# As of a program that SIGINT or SIGPIPE has ended.
_INTERRUPTED, _NOBODY_READS = 130, 141
#: The module of each command. Only the one that is wanted is loaded: some take their time.
_COMMANDS = {
    "check": "check",
    "nodes": "nodes",
    "compare": "compare",
    "baseline": "baseline",
    "ack": "acknowledge",
    "import": "import_published",
    "session": "session",
}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE_INPUT, f"error: {message}; see `{self.prog} --help`\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever reads the page has seen enough; Python would complain when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NOBODY_READS
    except SystemExit as ended:
        # Rich ends with 1 in this case, which would read as a regression.
        if ended.code != 1:
            raise

        return _NOBODY_READS
    except Exception as error:
        if options.debug:
            raise

        print(f"error: {_in_one_line(error)}", file=sys.stderr)
        return UNUSABLE_INPUT


def _parser(arguments: list[str]) -> _Parser:
    parser = _Parser(prog="python -m perflogs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    wanted = [name for name in arguments[:1] if name in _COMMANDS] or list(_COMMANDS)
    for name in wanted:
        importlib.import_module(f"perflogs.commands.{_COMMANDS[name]}").register(commands)

    for command in commands.choices.values():
        command.add_argument(
            "--debug", action="store_true", help="show where in the code an error arose"
        )

    return parser


def _in_one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError) and text:
        return text

    return f"{type(error).__name__}: {text} (--debug shows where)"


if __name__ == "__main__":
    sys.exit(main())
