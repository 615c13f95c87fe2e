"""What a child process told in its records."""

import json
from dataclasses import dataclass, field
from typing import Any

from workloads.common.errors import RunFailed
from workloads.common.records import MARK


@dataclass
class Told:
    """Figures and provenance by name, and those figures that must not change at all."""

    figures: dict[str, float] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    provenance: dict[str, Any] = field(default_factory=dict)

    def figure(self, name: str) -> float:
        """A figure. Raises RunFailed where the child has not told it."""
        if name not in self.figures:
            raise RunFailed(f"the training reports no {name}: its records are not whole")
        return self.figures[name]


def told(text: str) -> Told:
    """The records in a child's standard output.

    Raises RunFailed where a record is none.
    """
    found = Told()
    for line in text.splitlines():
        _, mark, record = line.partition(MARK)
        if not mark:
            continue
        try:
            _take(found, json.loads(record))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise RunFailed(f"a record that cannot be read: {record[:80]}") from None
    return found


def _take(found: Told, record: dict[str, Any]) -> None:
    key, metadata = record["key"], record["metadata"]
    kind = metadata.get("kind")
    if kind == "provenance":
        found.provenance[key] = record["value"]
    elif kind == "metric":
        found.figures[key] = float(record["value"])
        if metadata["better"] == "equal":
            found.constants.add(key)
