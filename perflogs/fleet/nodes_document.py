"""What is said of the nodes, for programs."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from perflogs.documents import csv_text, json_text
from perflogs.fleet.finding import NodeFinding
from perflogs.fleet.verdict import FleetVerdict

#: Of the CSV: the class of a finding, and the fields of NodeFinding.
COLUMNS = ("class", *(field.name for field in fields(NodeFinding)))


def fleet_json(verdict: FleetVerdict) -> str:
    """A JSON object with `version` (1), `exit_code`, the nights `since` (not included) and
    `newest`; `judged` (how many nodes could be compared); `findings`, objects with the fields of
    the CSV; `undecided` (values without a majority, with the nodes of each); `drift` (what nodes of
    a partition have different, with the nodes of each); and `coverage` of each partition: `total`
    and its `basis` (recorded, given, ever seen), `alone`, `together`, `unseen` (last night of each
    node), `never_seen`."""
    return json_text(
        {
            "version": 1,
            "exit_code": verdict.exit_code,
            "since": verdict.since.isoformat(),
            "newest": verdict.newest.isoformat(),
            "judged": len(verdict.judged),
            "findings": [_record(each) for each in verdict.findings],
            "undecided": [
                {
                    **_fields(each, "system", "name", "metric"),
                    "values": _values(each.nodes_of),
                }
                for each in verdict.undecided
            ],
            "drift": [
                {
                    **_fields(each, "system", "partition", "what"),
                    "values": _values(each.nodes_of),
                }
                for each in verdict.drift
            ],
            "coverage": [
                {
                    **_fields(each, "system", "partition", "total", "basis", "never_seen"),
                    "alone": sorted(each.alone),
                    "together": sorted(each.together),
                    "unseen": {node: night.isoformat() for node, night in each.unseen.items()},
                }
                for each in verdict.coverage
            ],
        }
    )


def fleet_csv(verdict: FleetVerdict) -> str:
    """A row for each finding."""
    return csv_text(COLUMNS, [_record(each) for each in verdict.findings])


def _record(finding: NodeFinding) -> dict[str, Any]:
    known = {"class": "hardware", "since": finding.since.isoformat()}
    return {name: known[name] if name in known else getattr(finding, name) for name in COLUMNS}


def _fields(each: object, *names: str) -> dict[str, Any]:
    return {name: getattr(each, name) for name in names}


def _values(nodes_of: Mapping[Any, list[str]]) -> list[dict[str, Any]]:
    return [{"value": value, "nodes": nodes} for value, nodes in nodes_of.items()]
