"""A comparison for programs."""

from typing import Any

from perflogs.documents import csv_text, json_text
from perflogs.fleet.comparison import Comparison
from perflogs.fleet.contrast import Contrast
from perflogs.fleet.losses import Loss
from perflogs.fleet.selection import Selection

COLUMNS = (
    "verdict",
    "place",
    "name",
    "metric",
    "unit",
    "better",
    "comparison",
    "runs_a",
    "runs_b",
    "level_a",
    "level_b",
    "change",
    "low",
    "high",
    "method",
    "visible",
    "more",
    "reason",
    "notes",
)


def comparison_json(comparison: Comparison) -> str:
    """A JSON object with `version` (1), `exit_code`, the sides `a` and `b` (`text`, `runs`), the
    margins `relative` and `absolute`, `contrasts` (objects with the fields of the CSV), `losses`
    (objects with those of them that a loss has), `left` (what could not be paired, in words) and
    `events` (the values of both sides)."""
    return json_text(
        {
            "version": 1,
            "exit_code": comparison.exit_code,
            "a": _side(comparison.a),
            "b": _side(comparison.b),
            "margins": {
                "relative": comparison.margins.relative,
                "absolute": comparison.margins.absolute,
            },
            "contrasts": [_record(each) for each in comparison.contrasts],
            "losses": [_lost(each) for each in comparison.losses],
            "left": comparison.left,
            "events": {
                word: {"a": ours, "b": theirs} for word, (ours, theirs) in comparison.events.items()
            },
        }
    )


def comparison_csv(comparison: Comparison) -> str:
    """A row for each loss (with the verdict `lost`), then for each contrast, the worst first.
    `change`, `low`, `high` and `visible` are fractions where `comparison` is relative, else in
    `unit`."""
    return csv_text(
        COLUMNS,
        [*map(_lost, comparison.losses), *map(_record, comparison.contrasts)],
    )


def _side(side: Selection) -> dict[str, Any]:
    return {"text": side.text, "runs": len(side.runs)}


def _lost(each: Loss) -> dict[str, Any]:
    fields = ("place", "name", "metric", "runs_a", "runs_b", "reason")
    return {"verdict": "lost", **{name: getattr(each, name) for name in fields}}


def _record(each: Contrast) -> dict[str, Any]:
    pair = each.pair
    known = {
        "runs_a": len(pair.a.values),
        "runs_b": len(pair.b.values),
        "notes": "; ".join(pair.notes),
    }
    return {
        name: known[name] if name in known else getattr(each, name, getattr(pair, name, None))
        for name in COLUMNS
    }
