"""Runs ReFrame's command line in a process forked from one that has imported it already: importing
ReFrame takes longer than most sessions of these tests."""

import multiprocessing
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(sys.executable).parent / "reframe"


def run(options: list[str], folder: Path, environment: dict[str, str], output: Path) -> int:
    """Runs `reframe OPTIONS` in `folder` with all its output in a file, and returns its exit code
    (negative: the signal that ended it). Raises TimeoutError after a minute."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["reframe.frontend.cli"])
    process = context.Process(target=_main, args=(options, folder, environment, output))
    process.start()
    process.join(60)
    if process.is_alive():
        process.kill()
        process.join()
        raise TimeoutError(f"reframe {options} is still running: {output.read_text()}")

    assert process.exitcode is not None
    return process.exitcode


def _main(options: list[str], folder: Path, environment: dict[str, str], output: Path) -> None:
    from reframe.frontend.cli import main

    with output.open("wb") as file:
        for descriptor in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(file.fileno(), descriptor)

    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # As for a script: neither the current folder nor this checkout is on the path.
    inside = {"", str(ROOT), *map(str, (ROOT / "tests").glob("**"))}
    sys.path[:] = [entry for entry in sys.path if entry not in inside]
    sys.argv = [str(PROGRAM), *options]
    main()
