"""Command line of the images: `python -m containers list`, `recipe`, `build`, `verify`."""

import argparse
import signal
import sys
from pathlib import Path
from typing import NoReturn

from containers import bases, catalogue
from containers.commands import COMMANDS, PACKAGE_INDEX, RED, SOURCE
from containers.engines.engine import ENGINES, IMAGE_FORMATS, SIF
from containers.errors import BuildFailed, UnusableInput

FORMATS = ("def", "dockerfile")
INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        """Exits with code 2, saying what is wrong and where help is."""
        self.exit(UnusableInput.exit_code, f"error: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = _Parser(prog="python -m containers", description=__doc__)
    commands = made.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="which images and bases there are")
    planning = _planning_options()
    _recipe(commands, planning)
    _build(commands, planning)
    _verify(commands)
    return made


def _planning_options() -> argparse.ArgumentParser:
    options = _Parser(add_help=False)
    options.add_argument("name", metavar="NAME", choices=catalogue.names(), help="of the image")
    options.add_argument(
        "--base",
        metavar="BASE",
        help=f"one of {', '.join(bases.NAMED)}; or a reference in a registry, best with @sha256:; "
        f"or a folder, a .sif or an OCI archive here (default: {bases.DEFAULT})",
    )
    options.add_argument(
        "--build",
        choices=(PACKAGE_INDEX, SOURCE),
        help="where TensorFlow comes from; source takes hours (default: package-index)",
    )
    options.add_argument(
        "--march",
        metavar="PROCESSOR",
        help="for --build source: whose vector instructions are used, as compilers name it; an "
        "image for native runs only where it was built (default: native)",
    )
    options.add_argument(
        "--tao-version",
        metavar="VERSION",
        help="of jamcam-tao: all, newest (default), or one that `list` shows",
    )
    options.add_argument(
        "--allow-modified",
        action="store_true",
        help="also where the checkout differs from its commit; the image then says so",
    )
    return options


def _recipe(commands: "argparse._SubParsersAction", planning: argparse.ArgumentParser) -> None:
    recipe = commands.add_parser(
        "recipe",
        parents=[planning],
        help="write a recipe, for Apptainer or as a Dockerfile",
        description="Prints a recipe; with --output, writes a folder with it and everything that "
        "it copies, for any engine to build from.",
    )
    recipe.add_argument("--format", choices=FORMATS, default="def", help="default: def")
    recipe.add_argument("--output", type=Path, metavar="FOLDER", help="a folder to make")


def _build(commands: "argparse._SubParsersAction", planning: argparse.ArgumentParser) -> None:
    build = commands.add_parser(
        "build",
        parents=[planning],
        help="build an image",
        description="Builds an image and writes its manifest beside it, IMAGE.manifest.json. "
        "Where both are there, and recipe, base, code and commit are what they were, nothing is "
        "done; a registry is asked, without a login, what the tag of its base is now. This "
        "machine's pip configuration and certificates hold for the build, and are not in the "
        "image. Temporary files lie in TMPDIR, seven times the image's size. Exit codes: 0 "
        "built or current, 1 the build failed, 2 unusable input, or nothing here that builds.",
    )
    build.add_argument(
        "--format", choices=IMAGE_FORMATS, default=SIF, help=f"of the image (default: {SIF})"
    )
    build.add_argument(
        "--engine",
        choices=ENGINES,
        help="default: the first that is here; all but apptainer build from a Dockerfile",
    )
    build.add_argument(
        "--fakeroot", action="store_true", help="map users by /etc/subuid, as an ordinary user"
    )
    build.add_argument(
        "--output", type=Path, metavar="FILE", help="default: NAME.sif, NAME or NAME.oci here"
    )


def _verify(commands: "argparse._SubParsersAction") -> None:
    verify = commands.add_parser(
        "verify",
        help="run an image and see whether it is what it should be",
        description="Runs a SIF, a sandbox or an OCI archive in Apptainer and prints one line for "
        "each thing looked at. Exit codes: 0 all green, 1 something is red, 2 unusable input.",
    )
    verify.add_argument("image", type=Path, metavar="IMAGE")
    verify.add_argument(
        "--any-commit",
        action="store_true",
        help="accept an image of another commit than the checkout's",
    )


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = parser().parse_args(arguments)
    # What was started is ended, and what is half-written removed, whichever way this ends.
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` has it ignored, and means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        return COMMANDS[options.command](options)
    except (UnusableInput, BuildFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        return RED
    except KeyboardInterrupt:
        print("error: interrupted; nothing half-built was left", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
