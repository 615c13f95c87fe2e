"""Prints what is said of the nodes: one screen, the worst first."""

from collections import defaultdict
from datetime import date, timedelta

from rich.console import Console
from rich.table import Table

from perflogs.exit_codes import NOT_JUDGED
from perflogs.fleet.coverage import EVER_SEEN, GIVEN, RECORDED, Coverage
from perflogs.fleet.finding import NodeFinding
from perflogs.fleet.folding import folded
from perflogs.fleet.verdict import FleetVerdict
from perflogs.fleet.wording import by_how_much, since
from perflogs.statistics.peers import FEWEST_PEERS
from perflogs.words import case_in_words, for_terminal, say

_SUSPECTS, _NIGHTS = 15, 5
_BASES = {
    RECORDED: "",
    GIVEN: " (the number given)",
    EVER_SEEN: " (of those ever seen: no record says how many there are)",
}


def print_fleet(verdict: FleetVerdict, console: Console) -> None:
    """Prints the page."""
    _print_findings(verdict, console)
    for each in verdict.undecided:
        values = "; ".join(f"{value!r} on {folded(on)}" for value, on in each.nodes_of.items())
        what = f"{case_in_words(each.name)} {each.metric} on {each.system}"
        say(console, f"[yellow]no majority[/] {for_terminal(what)}: {for_terminal(values)}")

    for drift in verdict.drift:
        said = [f"{value} on {_counted(nodes)}" for value, nodes in drift.nodes_of.items()]
        place = f"{drift.system}:{drift.partition}"
        say(console, for_terminal(f"{place} has several {drift.what}s: {'; '.join(said)}"))

    for partition in verdict.coverage:
        _print_coverage(partition, verdict, console)

    say(console, _closing(verdict))


def _print_findings(verdict: FleetVerdict, console: Console) -> None:
    heads: dict[tuple[str, ...], list[NodeFinding]] = defaultdict(list)
    for each in verdict.findings:
        heads[each.place, each.node, each.kind].append(each)

    rows = list(heads.values())
    confirmed = [row for row in rows if row[0].confirmed]
    suspects = [row for row in rows if not row[0].confirmed]
    if not rows:
        return

    table = Table("node", "what", "by how much", "since", "bad runs", "sure")
    for head, *others in [*confirmed, *suspects[:_SUSPECTS]]:
        more = f" and {len(others)} more figures" if others else ""
        colour = "red" if head.confirmed else "yellow"
        table.add_row(
            for_terminal(f"{head.node} of {head.place}"),
            for_terminal(f"{head.kind}: {case_in_words(head.name)} {head.metric}{more}"),
            for_terminal("; ".join(filter(None, (by_how_much(head), head.causes)))),
            since(head),
            f"{head.bad} of {head.runs}",
            f"[{colour}]{head.certainty}[/]",
        )

    console.print(table)
    if len(suspects) > _SUSPECTS:
        say(console, f"and {len(suspects) - _SUSPECTS} more suspects (--csv has them all)")


def _print_coverage(each: Coverage, verdict: FleetVerdict, console: Console) -> None:
    nights = (verdict.newest - verdict.since).days
    none = f", for no night has come since {_first(verdict)}"
    period = f" in {nights} days" if nights > 0 else none
    place = for_terminal(f"{each.system}:{each.partition}")
    say(
        console,
        f"{place}: {len(each.alone)} of {each.total} nodes{period}{_BASES[each.basis]}",
    )
    if each.together:
        say(console, f"  only in runs over several nodes: {for_terminal(folded(each.together))}")

    last_seen: dict[date, list[str]] = defaultdict(list)
    for node, night in each.unseen.items():
        last_seen[night].append(node)

    latest = sorted(last_seen, reverse=True)
    for night in latest[:_NIGHTS]:
        say(console, f"  not seen since {night}: {for_terminal(folded(last_seen[night]))}")

    longer = [node for night in latest[_NIGHTS:] for node in last_seen[night]]
    if longer:
        say(console, f"  not seen for longer: {for_terminal(folded(longer))}")

    if each.never_seen:
        say(console, f"  never seen at all: {each.never_seen}")


def _closing(verdict: FleetVerdict) -> str:
    first = _first(verdict)
    come = first <= verdict.newest
    period = f"nights {first} to {verdict.newest}" if come else f"no night since {first}"
    if verdict.exit_code == NOT_JUDGED:
        return (
            f"[yellow]nothing could be judged[/]: no {FEWEST_PEERS + 1} nodes ran the same case "
            f"alone ({period})"
        )

    judged = f"{len(verdict.judged)} nodes compared with their peers, {period}"
    if verdict.confirmed:
        nodes = {(each.place, each.node) for each in verdict.confirmed}
        return f"[red]{len(nodes)} confirmed[/], {judged}"

    return f"[green]no node is confirmed[/], {judged}"


def _first(verdict: FleetVerdict) -> date:
    return verdict.since + timedelta(days=1)


def _counted(nodes: list[str]) -> str:
    return f"{len(nodes)} nodes" if len(nodes) > _SUSPECTS else folded(nodes)
