"""Writes new references into the text of a reference file."""

from collections.abc import Sequence
from dataclasses import dataclass

from perflogs.baselines import rendering
from perflogs.baselines.comparable_runs import Case
from perflogs.baselines.edits import Edits
from perflogs.baselines.reference_file import Entry, ReferenceFile, parse_references
from perflogs.baselines.splitting import split
from perflogs.baselines.yaml_tree import Node
from perflogs.statistics.bounds import Bounds

HEADING = "# Learnt from the history: `python -m perflogs baseline`.\n"


@dataclass(frozen=True)
class NewReferences:
    """What is to stand in the entry of a case: value, bounds and unit of some metrics; those that
    it has besides stay as they are."""

    case: Case
    references: dict[str, tuple[Bounds, str]]
    source: str
    runs: int


def rewritten(file: ReferenceFile, changes: Sequence[NewReferences]) -> str:
    """The text of the file with these references. Raises UnusableReferences where an entry shares
    with others what is to change."""
    for change in changes:
        found = file.entry_of(change.case)
        if found is not None and not found.is_one_case:
            wanted = [each.case.keys for each in changes if file.entry_of(each.case) is found]
            file = parse_references(file.path, split(file, found, wanted))

    edits = Edits(file)
    added: dict[tuple[str, str], list[NewReferences]] = {}
    for change in changes:
        found = file.entry_of(change.case)
        if found is None:
            added.setdefault((change.case.partition, change.case.check), []).append(change)
        else:
            _update(edits, found, change)

    _add(edits, added)
    return edits.text()


def _update(edits: Edits, found: Entry, change: NewReferences) -> None:
    references = _own(edits, found.node, "references")
    for metric, (bounds, unit) in change.references.items():
        if metric not in found.references:
            edits.add_key(references, metric, rendering.reference(bounds, unit))
            continue

        node = _own(edits, references, metric)
        before, _ = found.references[metric]
        for name in ("value", "lower", "upper"):
            if getattr(bounds, name) != getattr(before, name):
                edits.replace(_own(edits, node, name), rendering.scalar(getattr(bounds, name)))

    edits.replace(_own(edits, found.node, "source"), rendering.line_of_text(change.source))
    edits.replace(_own(edits, found.node, "runs"), str(change.runs))


def _own(edits: Edits, mapping: Node, key: str) -> Node:
    node = mapping.own(key)
    if node is None or (node.target is not None and node.target.kind != "scalar"):
        edits.file.refuse(node or mapping, f"{key} is shared with others: write it out for each")

    return node


def _add(edits: Edits, added: dict[tuple[str, str], list[NewReferences]]) -> None:
    root = edits.file.root
    if root is None and added and not edits.file.text:
        edits.add_lines(None, HEADING)

    def place(key: tuple[str, str]) -> tuple[bool, bool, tuple[str, str]]:
        at_partition = root.own(key[0]) if root is not None else None
        return at_partition is None, at_partition is None or at_partition.own(key[1]) is None, key

    begun: set[str] = set()
    # What belongs further in comes first where two are added below the same line.
    for partition, check in sorted(added, key=place):
        changes = added[partition, check]
        at_partition = root.own(partition) if root is not None else None
        at_check = at_partition.own(check) if at_partition is not None else None
        if at_check is not None:
            edits.add_lines(at_check, _entries(changes, _column(at_check)))
            continue

        outer = _column(at_partition) if at_partition is not None else 2
        lines = f"{' ' * outer}{check}:\n{_entries(changes, outer + 2)}"
        if at_partition is None and partition not in begun:
            begun.add(partition)
            lines = f"{rendering.scalar(partition)}:\n{lines}"

        edits.add_lines(at_partition or root, lines)


def _column(node: Node) -> int:
    return node.column if node.kind == "sequence" else node.children[0].column


def _entries(changes: Sequence[NewReferences], column: int) -> str:
    return "".join(
        rendering.entry(
            column,
            {key: [value] for key, value in change.case.keys.items()},
            change.source,
            change.runs,
            {metric: rendering.reference(*each) for metric, each in change.references.items()},
        )
        for change in changes
    )
