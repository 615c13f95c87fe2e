"""`python -m perflogs nodes`: nodes that differ from their peers, and which were looked at."""

import sys
from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from perflogs.commands.documents import wanted_documents, write_documents
from perflogs.commands.sources import add_source_options, day_or_days, folder_of, history_from
from perflogs.fleet.actions import (
    ACTED,
    Standing,
    actions,
    command_words,
    read_acted,
    run_actions,
    still_standing,
    write_acted,
)
from perflogs.fleet.nodes_document import fleet_csv, fleet_json
from perflogs.fleet.nodes_page import print_fleet
from perflogs.fleet.unread import say_unreadable
from perflogs.fleet.verdict import NOT_JUDGED, FleetVerdict, judge_fleet
from perflogs.history import History

UNUSABLE = 2
_WRITERS = {"json": fleet_json, "csv": fleet_csv}
_DESCRIPTION = f"""\
Compares nodes by runs of a single node, such as those of `reframe --distribute`, with the other
nodes that ran the same case with the same device and software, in the same night where five or more
did; where fewer have its driver, with all others, and then the driver is said. It finds nodes whose
last runs are worse, nodes that vary far more than their peers, nodes that compute something else
(`loss_step100`), and nodes that fail cases which most others pass; devices, drivers, kernels and
firmware that are not the same everywhere; and which nodes of each partition were not looked at.

A node is a suspect by one run far from its peers. It is confirmed by three bad or failed runs or
more, if no more than one look at the whole fleet in 10,000 would confirm any by chance; two values
of loss_step100 that are not those of most nodes confirm it as well.

--on-confirmed runs the site's command once for each confirmed node: without a shell, with {{node}}
and {{reason}} replaced inside its words, or the node appended. What it ended well for is kept in
{ACTED} beside the history, and not done again while the finding stands.

Exit codes: 0 no node is confirmed, 1 one is, 2 unusable input or an action that failed, 4 nothing
could be compared.
"""


class UnusableChoice(ValueError):
    """Options that choose nothing; the message says what there is."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser: ArgumentParser = subparsers.add_parser(
        "nodes",
        help="nodes that differ from their peers, and the coverage of the fleet",
        description=_DESCRIPTION,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_source_options(parser)
    parser.add_argument(
        "--since",
        type=day_or_days,
        default=timedelta(days=7),
        metavar="WHEN",
        help="from when on: 2026-11-01, or 7d or 2w up to the newest night (default: 7d)",
    )
    parser.add_argument(
        "--system", metavar="SYSTEM[:PARTITION]", help="this system or partition alone"
    )
    parser.add_argument(
        "--nodes", type=_count, metavar="N", help="how many nodes the partition has"
    )
    parser.add_argument("--on-confirmed", metavar="COMMAND", help="run it for each confirmed node")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write JSON; `-` writes it instead of the page"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write a row for each finding; `-` writes it instead of the page",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Judges the nodes and says what was found. Raises ValueError for what cannot be used, and
    OSError where a file cannot be written."""
    wanted = wanted_documents(options, _WRITERS)
    words = None if options.on_confirmed is None else command_words(options.on_confirmed)
    acted_upon = folder_of(options) / ACTED
    acted = set() if words is None else read_acted(acted_upon)
    whole = history_from(options)
    say_unreadable(whole)
    history = _of_system(whole, options.system)
    newest = history.runs["night"].max()
    if not isinstance(newest, date):
        print("no run of the history has a time: nothing could be judged")
        return NOT_JUDGED

    since = options.since
    since = newest - since if isinstance(since, timedelta) else since - timedelta(days=1)
    if options.nodes is not None:
        _require_one_partition(history)

    verdict = judge_fleet(history, since, newest, options.nodes)
    texts = {name: partial(text_of, verdict) for name, text_of in _WRITERS.items()}
    if not write_documents(wanted, texts):
        print_fleet(verdict, Console())

    if words is None:
        return verdict.exit_code

    return _act(verdict, words, acted_upon, acted)


def _act(verdict: FleetVerdict, words: list[str], acted_upon: Path, acted: set[Standing]) -> int:
    """Runs the site's command where it has not been run; returns the exit code."""
    wanted = actions(words, verdict.confirmed, acted)
    standing = still_standing(acted, verdict.confirmed, verdict.judged)
    if standing != acted:
        write_acted(acted_upon, standing)

    progress = Console(stderr=True)
    failed = {action.node for action in wanted}
    for done in run_actions(wanted, lambda line: progress.print(line, markup=False)):
        standing |= set(done.standing)
        write_acted(acted_upon, standing)
        failed -= {done.node}

    if failed:
        print(f"error: the action failed for {', '.join(sorted(failed))}", file=sys.stderr)
        return UNUSABLE

    return verdict.exit_code


def _of_system(history: History, wanted: str | None) -> History:
    if wanted is None:
        return history

    system, _, partition = wanted.partition(":")
    chosen = pl.col("system") == system
    if partition:
        chosen &= pl.col("partition") == partition

    runs = history.runs.filter(chosen)
    if runs.is_empty():
        places = history.runs.select("system", "partition").unique().sort("system", "partition")
        there = ", ".join(":".join(place) for place in places.iter_rows())
        raise UnusableChoice(f"no run on {wanted!r}: there are {there or 'none at all'}")

    return replace(history, runs=runs)


def _require_one_partition(history: History) -> None:
    places = history.runs.select("system", "partition").unique().sort("system", "partition")
    if len(places) > 1:
        there = ", ".join(":".join(place) for place in places.iter_rows())
        raise UnusableChoice(f"--nodes needs one partition: choose with --system from {there}")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text) > 0):
        raise ArgumentTypeError(f"{text!r} is no number of nodes")

    return int(text)
