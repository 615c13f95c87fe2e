"""`python -m perflogs baseline`: reference values and bounds, learnt from the history."""

import re
from argparse import ArgumentTypeError, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from perflogs.baselines.learning import Wanted, learn
from perflogs.baselines.page import print_difference, print_proposals, print_refused
from perflogs.baselines.proposal import REFUSED, changes, propose
from perflogs.baselines.provenance import origin
from perflogs.baselines.reference_file import read_references
from perflogs.baselines.rewriting import rewritten
from perflogs.commands.sources import add_command, history_from
from perflogs.history import History
from perflogs.statistics.bounds import FEWEST_RUNS
from perflogs.unread import unread
from perflogs.whole_file import write_whole
from perflogs.words import for_terminal, say

_LOOSENED, _NOTHING_LEARNT = 1, 4
_REFERENCES = Path(__file__).resolve().parents[2] / "systems" / "references"
_DESCRIPTION = """\
Learns reference values and bounds for all cases of a system from its nightly runs, and shows how
systems/references/SYSTEM.yaml would change; --write changes it.

A value is the median of the best level that was accepted: never of one that is a regression. Its
bound is where a sound run falls beyond with the probability --false-alarms, 1 % of the value at
least: on the worse side, or on both where a figure must not change at all. With 200 metrics a night
the default is about seven false alarms a year.

A bound that would let pass what the present one does not is left as it is, unless --loosen allows
it; so are the comments of the file, and the references of all other cases.

Runs are nightly when their session says so: `reframe --session-extras campaign=nightly ...`.

Exit codes: 0 written, shown, or nothing to change; 1 a bound would be loosened, and was left as it
is; 2 unusable input; 4 nothing could be learnt.
"""


class UnknownName(ValueError):
    """A system, check, metric, partition or campaign that the history does not have."""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    summary = "reference values and bounds for a system, learnt from its history"
    parser = add_command(subparsers, "baseline", summary, _DESCRIPTION, run)
    parser.add_argument("system", metavar="SYSTEM", help="as ReFrame calls it")
    parser.add_argument("--write", action="store_true", help="change the file")
    for name, what in (
        ("check", "this check alone, as SlstrTrain"),
        ("metric", "this metric alone, as throughput"),
        ("partition", "this partition alone"),
    ):
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="NAME", help=f"{what}; repeatable"
        )

    parser.add_argument(
        "--loosen",
        nargs="?",
        const="",
        action="append",
        default=[],
        metavar="METRIC",
        help="let bounds be loosened, or those of one metric; repeatable",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="goes into the file's sources")
    parser.add_argument(
        "--campaign", default="nightly", metavar="NAME", help="learn from these runs instead"
    )
    parser.add_argument(
        "--minimum-runs",
        type=_minimum_runs,
        default=FEWEST_RUNS,
        metavar="N",
        help=f"of a level that is learnt from (default and least: {FEWEST_RUNS})",
    )
    parser.add_argument(
        "--false-alarms",
        type=_rate,
        default=0.0001,
        metavar="RATE",
        help="how many of the sound runs may miss a bound (default: 0.0001 of them)",
    )
    parser.add_argument(
        "--references",
        type=Path,
        default=_REFERENCES,
        metavar="FOLDER",
        help="where SYSTEM.yaml is (default: systems/references of this suite)",
    )


def run(options: Namespace) -> int:
    """Shows or writes the references. Raises UnusableHistory, UnusableReferences, UnknownName, and
    OSError where the file cannot be written."""
    console = Console()
    if not options.references.is_dir():
        raise NotADirectoryError(f"--references: there is no folder {options.references}")

    history = history_from(options)
    system = _known(options.system, history.runs["system"], "system")
    file = read_references(options.references / f"{_file_name(system)}.yaml")
    runs = history.runs.filter(pl.col("system") == system)
    if options.campaign not in set(runs["campaign"]):
        _say_no_campaign(options.campaign, system, runs, console)
        return _NOTHING_LEARNT

    _require_known_names(options, history, runs)
    wanted = Wanted(
        system=system,
        campaign=options.campaign,
        minimum_runs=options.minimum_runs,
        rate=options.false_alarms,
        checks=options.check,
        metrics=options.metric,
        partitions=options.partition,
    )
    lessons, left_out = learn(history, wanted)
    loosened = set(options.loosen)
    proposals, unusable = propose(file, lessons, lambda metric: bool({"", metric} & loosened))
    print_proposals(proposals, [*left_out, *unusable], console)
    if count := unread(history):
        where = "`python -m perflogs check` shows them"
        say(console, f"{count} line(s) or files of the history cannot be read: {where}")

    if not proposals:
        console.print("nothing could be learnt")
        return _NOTHING_LEARNT

    reason = " ".join(options.reason.replace("|", "/").split())
    wanted_changes = changes(
        file,
        proposals,
        lambda lesson: origin(lesson, options.campaign, options.false_alarms, reason),
    )
    text = rewritten(file, wanted_changes)
    print_refused(proposals, console)
    if not options.write:
        print_difference(file, text, console)
    elif text != file.text:
        write_whole(file.path, text)

    _say_what_was_done(options.write, file.path, len(wanted_changes), console)
    return _LOOSENED if any(each.verdict == REFUSED for each in proposals) else 0


def _say_what_was_done(is_written: bool, path: Path, cases: int, console: Console) -> None:
    if not cases:
        said = f"{path} stays as it is"
    elif is_written:
        said = f"{path} is changed: cases with other references: {cases}"
    else:
        said = f"nothing is changed without --write: cases with other references: {cases}"

    say(console, for_terminal(said))


def _say_no_campaign(campaign: str, system: str, runs: pl.DataFrame, console: Console) -> None:
    there = ", ".join(sorted({each or "none" for each in runs["campaign"]}))
    said = (
        f"no run on {system} is of the campaign {campaign} (there are: {there}): give a session "
        f"its campaign with `reframe --session-extras campaign={campaign} ...`, or name another "
        "one with --campaign"
    )
    say(console, for_terminal(said))


def _require_known_names(options: Namespace, history: History, runs: pl.DataFrame) -> None:
    for check in options.check:
        _known(check, runs["check"], "check")

    for partition in options.partition:
        _known(partition, runs["partition"], "partition")

    metrics = history.figures.join(runs.select("run"), on="run", how="semi")["metric"]
    for metric in [*options.metric, *filter(None, options.loosen)]:
        _known(metric, metrics.cast(pl.String), "metric")


def _known(name: str, there: pl.Series, what: str) -> str:
    if name not in (known := sorted(there.unique().to_list())):
        raise UnknownName(f"the history has no {what} {name}: there are {', '.join(known)}")

    return name


def _file_name(system: str) -> str:
    if not re.fullmatch(r"\w[\w.-]*", system, re.ASCII):
        raise UnknownName(f"{system!r} is no name of a system that a file could have")

    return system


def _minimum_runs(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) >= FEWEST_RUNS):
        raise ArgumentTypeError(f"{text!r}: give a number of runs, {FEWEST_RUNS} or more")

    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0

    if not 0 < rate < 0.5:
        raise ArgumentTypeError(f"{text!r}: give a share of the runs, as 0.001")

    return rate
