"""The command that runs one case again: of a session that is at hand, or of a run long ago."""

import json
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perflogs.case_selection import selected_by_name
from perflogs.session import Case, Session

# Options of the first command that would select other cases, or run this one more than once.
_DROPPED = ("-n", "--name", "-P", "--parameterize", "--max-retries", "--reruns", "--report-file")
# A repeated run is no part of the campaign that the first one belonged to, and on a node of choice
# it is dealt to no other.
_DROPPED_LATER = (*_DROPPED, "--session-extras", "--distribute")
# What must be equal on all nodes.
FINGERPRINT = "loss_step100"
_HASH = re.compile(r"[0-9a-f]{8}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class _First:
    """How the cases were run first: program, options and configuration files of the session."""

    program: str
    options: Sequence[str]
    configuration: Sequence[str]
    folder: str

    @property
    def assigned(self) -> list[str]:
        """What was set by `-P`: `preset=nightly`."""
        pairs = _pairs(self.options)
        return [value for option, value in pairs if option in ("-P", "--parameterize")]

    def without(self, dropped: Collection[str]) -> list[str]:
        """The command without these options, with the configuration files that it found itself."""
        command = [_beside(self.program, self.folder), *_kept(self.options, dropped)]
        if not {"-C", "--config-file"} & {option.partition("=")[0] for option in self.options}:
            for path in self.configuration:
                if path != "<builtin>":
                    command += ["-C", _beside(path, self.folder)]

        return command


def rerun_command(session: Session, case: Case) -> str:
    """A shell command that runs `case` again, with the configuration and options of the session.

    A fixture cannot be selected: for it, the first case that needs it is run."""
    case = _selectable(session, case)
    program, *options = shlex.split(session.info["cmdline"])
    first = _First(program, options, session.info["config_files"], session.info["workdir"])
    command = first.without(_DROPPED)
    if case.pinned_to:
        # `--distribute` is kept, and deals cases to the nodes that are left; the last one wins of
        # two options that say where.
        nodes = ",".join([case.pinned_to, *_nodes_that_differ(session, case)])
        command += ["--system", ":".join(case.place[:2]), "-J", f"nodelist={nodes}"]

    if first.assigned or case.pinned_to:
        names = [each.name for each in (case, *_needed(session, case))]
        command += selected_by_name(names, first.assigned)
    else:
        command += ["-n", f"/{case.hashcode}"]

    return shlex.join(command)


def rerun_run(run: Mapping[str, Any], node: str = "", needed: Sequence[str] = ()) -> str:
    """A shell command that runs a run of the history (a row with the columns RUNS) again.

    On `node` where it is given, else on the node that the run was dealt to. `needed` are the names
    of cases that it may need, which `-P` hides from ReFrame where they are not selected as well.
    Where the command of the session is not known, it is as the suite's documents have it."""
    first = _first_command(run)
    place = f"{run['system']}:{run['partition']}"
    command = ["reframe", "-c", "checks", f"--system={place}"]
    distributed = False
    if first is not None:
        command = first.without(_DROPPED_LATER)
        distributed = any(each.partition("=")[0] == "--distribute" for each in first.options)

    node = node or (run["nodes"] if distributed else "")
    if _WORD.fullmatch(node):
        command += [] if first is None else ["--system", place]
        command += ["-J", f"nodelist={node}"]

    assigned = [] if first is None else first.assigned
    if run["fixture"]:
        selected: list[str] = []
    elif _HASH.fullmatch(run["hashcode"]) and not (node or assigned or distributed):
        selected = ["-n", f"/{run['hashcode']}"]
    else:
        # A case that is dealt to a node, or whose parameters are set anew, has a hash of its own.
        selected = selected_by_name([run["name"], *(needed if assigned else [])], assigned)

    return shlex.join([*command, *selected, *(["-r"] if first is None else [])])


def _first_command(run: Mapping[str, Any]) -> _First | None:
    """The command of the run's session; None where it is not recorded, or not one of ReFrame."""
    try:
        program, *options = shlex.split(run["command"])
        configuration = json.loads(run["configuration"] or "[]")
    except ValueError:
        return None

    # It is shown for people to copy: what is no plain line of text is not a command.
    plain = run["command"].isprintable() and Path(program).name.startswith("reframe")
    listed = isinstance(configuration, list) and all(isinstance(x, str) for x in configuration)
    return _First(program, options, configuration, run["workdir"]) if plain and listed else None


def _selectable(session: Session, case: Case) -> Case:
    while case.is_fixture:
        needing = (each for each in session.cases if case.unique_name in each.needs)
        found = next(needing, None)
        if found is None:
            return case

        case = found

    return case


def _needed(session: Session, case: Case) -> list[Case]:
    # Distributed cases of two partitions may share a unique name.
    here = [each for each in session.cases if each.place == case.place and not each.is_fixture]
    by_name = {each.unique_name: each for each in here}
    return [by_name[name] for name in case.needs if name in by_name]


def _nodes_that_differ(session: Session, case: Case) -> list[str]:
    """Two nodes at most that computed something else, without which the case would pass alone."""
    mine = case.metrics.get(FINGERPRINT)
    return [
        other.pinned_to
        for other in session.cases
        if (other.name, other.place, other.run) == (case.name, case.place, case.run)
        and None not in (mine, other.metrics.get(FINGERPRINT))
        and other.metrics[FINGERPRINT] != mine
    ][:2]


def _pairs(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    for position, option in enumerate(options):
        name, equals, value = option.partition("=")
        if equals and name.startswith("--"):
            yield name, value
        elif position + 1 < len(options):
            yield option, options[position + 1]


def _kept(options: Sequence[str], dropped: Collection[str]) -> Iterator[str]:
    skip = False
    for option in options:
        # `--distribute` does without a value.
        if skip and not option.startswith("-"):
            skip = False
            continue

        skip = option in dropped
        if option.partition("=")[0] not in dropped:
            yield option


def _beside(path: str, folder: str) -> str:
    inside = Path(path).is_relative_to(folder)
    return str(Path(path).relative_to(folder)) if inside else path
