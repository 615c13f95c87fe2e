"""The command that runs one case of a session again."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from perflogs.session import Case, Session

# Options of the first command that would select other cases, or run this one more than once.
_DROPPED = ("-n", "--name", "-P", "--parameterize", "--max-retries", "--reruns", "--report-file")
# What must be equal on all nodes.
FINGERPRINT = "loss_step100"


def rerun_command(session: Session, case: Case) -> str:
    """A shell command that runs `case` again, with the configuration and options of the session.

    A fixture cannot be selected: for it, the first case that needs it is run."""
    case = _selectable(session, case)
    program, *options = shlex.split(session.info["cmdline"])
    command = [_beside(program, session.info["workdir"]), *_kept(options)]
    given = [value for option, value in _pairs(options) if option in ("-P", "--parameterize")]
    if "-C" not in options and "--config-file" not in options:
        for path in session.info["config_files"]:
            if path != "<builtin>":
                command += ["-C", _beside(path, session.info["workdir"])]

    if case.pinned_to:
        # `--distribute` is kept, and deals cases to the nodes that are left; the last one wins of
        # two options that say where.
        nodes = ",".join([case.pinned_to, *_nodes_that_differ(session, case)])
        command += ["--system", ":".join(case.place[:2]), "-J", f"nodelist={nodes}"]

    if given or case.pinned_to:
        # ReFrame selects by name before it sets parameters anew or deals cases to nodes, and looks
        # for what a case needs among the selected ones only.
        changed = {each.split("=", 1)[0] for each in given}
        for wanted in (case, *_needed(session, case)):
            command += ["-n", _pattern(wanted, changed)]

        for assignment in given:
            command += ["-P", _narrowed(assignment, case)]
    else:
        command += ["-n", f"/{case.hashcode}"]

    return shlex.join(command)


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


def _pairs(options: list[str]) -> Iterator[tuple[str, str]]:
    for position, option in enumerate(options):
        name, equals, value = option.partition("=")
        if equals and name.startswith("--"):
            yield name, value
        elif position + 1 < len(options):
            yield option, options[position + 1]


def _kept(options: list[str]) -> Iterator[str]:
    remaining = iter(options)
    for option in remaining:
        if option in _DROPPED:
            next(remaining, None)
        elif option.partition("=")[0] not in _DROPPED:
            yield option


def _pattern(case: Case, changed: set[str]) -> str:
    values = {
        name: "[^%]*" if name in changed else value for name, value in case.parameters.items()
    }
    return "".join(
        [
            "^",
            case.name.split(" %")[0],
            *(f"%{name}={value}" for name, value in values.items()),
            "$",
        ]
    )


def _narrowed(given: str, case: Case) -> str:
    name = given.split("=", 1)[0]
    known = case.parameters
    return f"{name}={known[name]}" if name in known else given


def _beside(path: str, folder: str) -> str:
    inside = Path(path).is_relative_to(folder)
    return str(Path(path).relative_to(folder)) if inside else path
