"""What every workload's command line shares: common options, and how errors end a stage."""

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from workloads.common.cache import CACHE_VARIABLE
from workloads.common.errors import RunFailed, UnusableInput, explain_os_error
from workloads.common.group.process_group import place
from workloads.common.peaks import tflops
from workloads.common.termination import EXIT_CODE, Terminated, ending_on_sigterm


def common_options(presets: Mapping[str, Callable[[], object]]) -> argparse.ArgumentParser:
    """The options that every stage has, as a parent parser; `presets` say what they are."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--preset",
        choices=sorted(presets),
        default="smoke",
        help="; ".join(f"{name}: {_first_line(make)}" for name, make in presets.items()),
    )
    parser.add_argument(
        "--seed", type=natural, default=1, metavar="N", help="seed of everything (default: 1)"
    )
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an error as well"
    )
    return parser


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of stages that read data."""
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the dataset; synthetic data when not given"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help=f"where synthetic data is kept (default: ${CACHE_VARIABLE}, else .cache here)",
    )


def add_gpus_option(parser: argparse._ActionsContainer) -> None:
    """Add the option of stages that compute."""
    parser.add_argument(
        "--gpus",
        type=natural,
        metavar="N",
        help="GPUs over all processes, 0 for the CPU (default: all that are there)",
    )


def add_measuring_options(stage: argparse.ArgumentParser) -> None:
    """Add the options of training about how it is driven and measured, not about what it learns."""
    stage.add_argument(
        "--steps-per-execution",
        type=positive,
        metavar="N",
        help="steps in one call of the devices (default: the preset's)",
    )
    stage.add_argument(
        "--gpu-peak-tflops",
        type=tflops,
        metavar="X",
        help="peak speed of one GPU in this precision, for model_flop_utilisation (default: from "
        "a table of the usual GPUs)",
    )
    stage.add_argument(
        "--no-telemetry",
        action="store_true",
        help="do not sample energy, utilisation and health of GPUs and hosts",
    )


def _first_line(preset: Callable[[], object]) -> str:
    return (preset.__doc__ or "").strip().splitlines()[0].replace("%", "%%")


def natural(text: str) -> int:
    """An argument that is 0 or more, and fits in 32 bits as seeds must."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"{number} is not between 0 and {2**32 - 1}")
    return number


def positive(text: str) -> int:
    """An argument that counts something: 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is one line, `error: ...`, as every other error here."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Exit with code 2, saying what is wrong and where help is."""
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


def run_chosen_stage(package: str, options: argparse.Namespace) -> int:
    """Run the stage of a workload that `options.stage` names; return the exit code of `run_stage`.

    It is the function `run` of a module in `package`.stages.
    """

    def stage() -> None:
        # Before anything loads TensorFlow, which else explains itself at length.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # Only the stage that runs is loaded: most of them need no TensorFlow.
        importlib.import_module(f"{package}.stages.{options.stage}").run(options)

    return run_stage(stage, bool(options.debug))


def run_stage(stage: Callable[[], None], debug: bool) -> int:
    """Run a stage; return the exit code: 0 done, 1 the run failed, 2 unusable input.

    An error is one line on standard error, which names rank and node where there are several
    processes; `debug` adds the traceback.
    """
    try:
        with ending_on_sigterm():
            stage()
        return 0
    except (UnusableInput, RunFailed) as error:
        return _end(str(error), error.exit_code, debug)
    except OSError as error:
        return _end(explain_os_error(error), 2, debug)
    except MemoryError:
        return _end("out of memory: use a smaller preset or more memory", 2, debug)
    except Exception as error:
        kind = type(error).__name__
        return _end(f"{kind}: {error} (not foreseen: --debug shows where)", 1, debug)
    except KeyboardInterrupt:
        return _end("interrupted: start again with the same options to go on", 130, debug)
    except Terminated as ended:
        return _end(str(ended), EXIT_CODE, debug)


def _end(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {place(os.environ)}{' '.join(message.split())}", file=sys.stderr)
    return code
