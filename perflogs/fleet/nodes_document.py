"""What is said of the nodes, for programs."""

from dataclasses import fields
from typing import Any

from perflogs.documents import csv_text, json_text
from perflogs.fleet.finding import NodeFinding
from perflogs.fleet.verdict import FleetVerdict


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
                    "system": each.system,
                    "name": each.name,
                    "metric": each.metric,
                    "values": [
                        {"value": value, "nodes": nodes} for value, nodes in each.nodes_of.items()
                    ],
                }
                for each in verdict.undecided
            ],
            "drift": [
                {
                    "system": each.system,
                    "partition": each.partition,
                    "what": each.what,
                    "values": [
                        {"value": value, "nodes": nodes} for value, nodes in each.nodes_of.items()
                    ],
                }
                for each in verdict.drift
            ],
            "coverage": [
                {
                    "system": each.system,
                    "partition": each.partition,
                    "total": each.total,
                    "basis": each.basis,
                    "alone": sorted(each.alone),
                    "together": sorted(each.together),
                    "unseen": {node: night.isoformat() for node, night in each.unseen.items()},
                    "never_seen": each.never_seen,
                }
                for each in verdict.coverage
            ],
        }
    )


def fleet_csv(verdict: FleetVerdict) -> str:
    """A row for each finding, with the fields of NodeFinding."""
    columns = ["class", *(field.name for field in fields(NodeFinding))]
    return csv_text(columns, [_record(each) for each in verdict.findings])


def _record(finding: NodeFinding) -> dict[str, Any]:
    known = {field.name: getattr(finding, field.name) for field in fields(finding)}
    return {"class": "hardware", **known, "since": finding.since.isoformat()}
