"""Prints the answers as one line of JSON: `python3 -m node QUESTIONS.json`.

Every question is answered by itself, so that one that fails costs no other its answer."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .asking import run
from .containers import (
    mounting,
    runtimes,
    starts,
    subordinate_ids,
    unpacking_folder,
    user_namespaces,
)
from .gpus import gpus
from .network import default_route, infiniband, interfaces, node_address
from .places import place
from .time_of_day import clock_rounds, time_service

MARK = "TRIGPOINT-PROBE "
LAUNCHERS = ("mpiexec", "mpirun")


def launchers() -> list[str]:
    """The MPI launchers that do start a process here; Open MPI, for one, refuses root."""
    here = [name for name in LAUNCHERS if shutil.which(name)]
    return [name for name in here if run([name, "-n", "1", "true"], 30)[0] == 0]


def tensorflow(command: list[str], folder: str) -> Any:
    """What the project's own command says about TensorFlow on this node."""
    path = os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))
    environment = dict(os.environ, PYTHONPATH=path)
    code, text, error = run(command, 150, cwd=folder, env=environment)
    lines = [line for line in text.splitlines() if line.startswith("{")]
    if code != 0 or not lines:
        return {"error": error or f"exit code {code}"}

    return json.loads(lines[-1])


def places(questions: dict[str, Any]) -> dict[str, Any]:
    """Each file or folder under the name by which it was asked for."""
    plain = {path: place(path) for path in [*questions["places"], unpacking_folder()]}
    variable = {path: place(os.path.expandvars(path)) for path in questions["named_by_variables"]}
    return {**plain, **variable}


def answers(questions: dict[str, Any]) -> dict[str, Any]:
    """Each answer by itself: one that fails is its error's text under `failed`."""
    asking: dict[str, Callable[[], Any]] = {
        "clock": lambda: clock_rounds(questions["workspace"]),
        "time_service": time_service,
        "node": socket.gethostname,
        "slurm_node": lambda: os.environ.get("SLURMD_NODENAME", ""),
        "python": lambda: sys.executable,
        "cpus": os.cpu_count,
        "gpus": gpus,
        "places": lambda: places(questions),
        "runtimes": runtimes,
        "starts": starts,
        "user_namespaces": user_namespaces,
        "subordinate_ids": subordinate_ids,
        "unpacking_folder": unpacking_folder,
        "mounting": mounting,
        "launchers": launchers,
        "interfaces": interfaces,
        "infiniband": infiniband,
        "address": node_address,
        "way_out": default_route,
    }
    if questions.get("tensorflow"):
        asking["tensorflow"] = lambda: tensorflow(questions["tensorflow"], questions["checkout"])

    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, ask in asking.items():
        try:
            found[name] = ask()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"

    found["failed"] = failed
    return found


def main() -> None:
    """Answers the questions in the file that is named."""
    questions = json.loads(Path(sys.argv[1]).read_text())
    print(MARK + json.dumps(answers(questions)), flush=True)


if __name__ == "__main__":
    main()
