"""Runs the site's own command for each confirmed node, once for as long as the reason stands."""

import json
import re
import shlex
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from perflogs.fleet.finding import NodeFinding
from perflogs.fleet.wording import reason
from perflogs.whole_file import write_whole

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# A site may pass it on to a shell, by ssh for example.
_UNSAFE = re.compile(r"[^A-Za-z0-9 .,:%+=_/-]")
_MOST_SECONDS = 600

Standing = tuple[str, str, str]


class UnusableAction(ValueError):
    """A command that cannot be run, or a record of earlier ones that cannot be read."""


@dataclass(frozen=True)
class Action:
    """A command for one node, with all that is confirmed of it and was not acted upon."""

    words: list[str]
    node: str
    standing: list[Standing]


def command_words(text: str) -> list[str]:
    """The words of the site's command, as a shell would split them. Raises UnusableAction."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UnusableAction(f"--on-confirmed {text!r}: {error}") from None

    if not words:
        raise UnusableAction("--on-confirmed names no command")

    return words


def actions(
    words: Sequence[str], confirmed: Iterable[NodeFinding], acted: set[Standing]
) -> list[Action]:
    """The commands to be run: `{node}` and `{reason}` in `words` are replaced, and a node that has
    no place in them is appended. Raises UnusableAction for a name that no node can have."""
    findings: dict[tuple[str, str], list[NodeFinding]] = defaultdict(list)
    for each in confirmed:
        if _standing(each) not in acted:
            findings[each.system, each.node].append(each)

    return [_action(words, node, own) for (_, node), own in findings.items()]


def run_actions(wanted: Sequence[Action], say: Callable[[str], None]) -> Iterator[Action]:
    """Runs the commands one after another, says each and how it ended, and yields those that ended
    well, each before the next one begins."""
    for number, action in enumerate(wanted, 1):
        say(f"{number}/{len(wanted)} {shlex.join(action.words)}")
        outcome, good = _run(action.words)
        say(f"{number}/{len(wanted)} {action.node}: {outcome}")
        if good:
            yield action


def read_acted(path: Path) -> set[Standing]:
    """What was acted upon before. Raises UnusableAction for a file that says something else."""
    try:
        entries = json.loads(path.read_text())["acted"]
        return {(str(each["system"]), str(each["node"]), str(each["kind"])) for each in entries}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableAction(
            f"{path} does not say which nodes were acted upon ({type(error).__name__}: {error}): "
            "mend it, or remove it to act upon all again"
        ) from None


def write_acted(path: Path, acted: Iterable[Standing]) -> None:
    """Writes what was acted upon. Raises OSError where that cannot be done."""
    entries = [
        {"system": system, "node": node, "kind": kind} for system, node, kind in sorted(acted)
    ]
    write_whole(path, json.dumps({"version": 1, "acted": entries}, indent=2) + "\n")


def still_standing(
    acted: set[Standing], confirmed: Iterable[NodeFinding], judged: Iterable[tuple[str, ...]]
) -> set[Standing]:
    """What was acted upon, without that which no longer holds: where the node was compared with its
    peers, and it is not confirmed. A node that was drained does not run, and stays acted upon."""
    holds = {_standing(each) for each in confirmed}
    compared = {(system, node) for system, _, node in judged}
    return {each for each in acted if each in holds or each[:2] not in compared}


def _standing(finding: NodeFinding) -> Standing:
    return finding.system, finding.node, finding.kind


def _action(words: Sequence[str], node: str, findings: list[NodeFinding]) -> Action:
    if not _NODE.fullmatch(node):
        raise UnusableAction(f"no node is called {node!r}: nothing is done about it, nor any other")

    # The clearest of each kind; the page has the rest.
    first = {each.kind: each for each in reversed(findings)}
    why = _UNSAFE.sub("_", "; ".join(reason(each) for each in first.values()).replace(";", ","))
    filled = [_filled(word, node, why) for word in words]
    named = any("{node}" in word for word in words)
    return Action(
        filled if named else [*filled, node], node, sorted({_standing(each) for each in findings})
    )


def _filled(word: str, node: str, why: str) -> str:
    # In one pass: what is put in is not searched again.
    values = {"{node}": node, "{reason}": why}
    return re.sub(r"\{(?:node|reason)\}", lambda match: values[match[0]], word)


def _run(words: Sequence[str]) -> tuple[str, bool]:
    try:
        ended = subprocess.run(
            words, stdin=subprocess.DEVNULL, timeout=_MOST_SECONDS, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return f"killed after {_MOST_SECONDS} s", False
    except (OSError, ValueError) as error:
        return f"cannot be run: {error}", False

    return f"exit code {ended}", ended == 0
