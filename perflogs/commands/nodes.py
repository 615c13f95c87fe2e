"""`python -m perflogs nodes`: nodes that differ from their peers, and which were looked at."""

import sys
from argparse import ArgumentTypeError, Namespace, _SubParsersAction
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from perflogs.commands.documents import (
    add_document_options,
    unusable_said,
    wanted_documents,
    write_documents,
)
from perflogs.commands.sources import (
    add_command,
    day_or_days,
    folder_of,
    history_from,
    today,
)
from perflogs.exit_codes import UNUSABLE_INPUT
from perflogs.fleet.actions import (
    Standing,
    actions,
    command_words,
    read_acted,
    run_actions,
    still_standing,
    write_acted,
)
from perflogs.fleet.nodes_document import COLUMNS, fleet_csv, fleet_json
from perflogs.fleet.nodes_page import print_fleet
from perflogs.fleet.verdict import FleetVerdict, judge_fleet
from perflogs.history import History
from perflogs.kept_files import NODE_ACTIONS
from perflogs.reports.unusable import unusable_as_csv, unusable_as_json
from perflogs.unread import say_unread

_WRITERS = {"json": fleet_json, "csv": fleet_csv}
_UNUSABLE_WRITERS = {"json": unusable_as_json, "csv": unusable_as_csv(COLUMNS, "kind")}
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
{NODE_ACTIONS} beside the history, and not done again while the finding stands.

Exit codes: 0 no node is confirmed, 1 one is, 2 unusable input or an action that failed, 4 nothing
could be compared.
"""


class UnusableChoice(ValueError):
    """Options that choose nothing; the message says what there is."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    summary = "nodes that differ from their peers, and the coverage of the fleet"
    parser = add_command(subparsers, "nodes", summary, _DESCRIPTION, run)
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
    add_document_options(parser, {"json": "JSON", "csv": "a row for each finding"})


def run(options: Namespace) -> int:
    """Judges the nodes and says what was found. Raises ValueError for what cannot be used, and
    OSError where a file cannot be written; what cannot be used the documents say as well."""
    wanted = wanted_documents(options, _WRITERS)
    with unusable_said(wanted, _UNUSABLE_WRITERS):
        words = None if options.on_confirmed is None else command_words(options.on_confirmed)
        acted_upon = folder_of(options) / NODE_ACTIONS
        acted = set() if words is None else read_acted(acted_upon)
        verdict = _verdict_from(options)

    if not write_documents(wanted, _WRITERS, verdict):
        print_fleet(verdict, Console())

    if words is None:
        return verdict.exit_code

    return _act(verdict, words, acted_upon, acted)


def _verdict_from(options: Namespace) -> FleetVerdict:
    whole = history_from(options)
    say_unread(whole)
    history = _of_system(whole, options.system)
    if options.nodes is not None:
        _require_one_partition(history)

    last = history.runs["night"].max()
    # Where no run has a time, nothing has been looked at up to now.
    newest = last if isinstance(last, date) else today()
    since = options.since
    since = newest - since if isinstance(since, timedelta) else since - timedelta(days=1)
    return judge_fleet(history, since, newest, options.nodes)


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
        return UNUSABLE_INPUT

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
