"""Splits an entry that stands for several cases, so that some of them can have references of their
own.

Splitting alone changes the references of no case."""

from collections.abc import Mapping, Sequence
from typing import Any

from perflogs.baselines.edits import Edits
from perflogs.baselines.reference_file import Entry, ReferenceFile
from perflogs.baselines.rendering import any_of, entry, reference
from perflogs.baselines.yaml_tree import Node


def carve(
    case: Mapping[str, list[Any]], keys: Mapping[str, Any]
) -> tuple[list[dict[str, list[Any]]], dict[str, list[Any]]]:
    """The cases that are left of a product of values without one case, and that one.

    What is left are products again, none of which overlap: for each key with several values those
    that differ from the one case in it, and agree with it in all such keys before."""
    left = []
    fixed = {key: list(values) for key, values in case.items()}
    for key, values in case.items():
        if len(values) > 1:
            left.append({**fixed, key: [each for each in values if each != keys[key]]})
            fixed[key] = [keys[key]]

    return left, fixed


def split(file: ReferenceFile, found: Entry, wanted: Sequence[Mapping[str, Any]]) -> str:
    """The text of the file with entries of their own for the `wanted` cases of an entry.

    Aliases of the entry's case, and what merges it, keep what they stood for. Raises
    UnusableReferences where the entry shares more than that with others."""
    edits = Edits(file)
    node = found.node.own("case")
    if node is None:
        file.refuse(found.node, "its case is not its own: write it out")

    first, *others = _carve_all(found.case, wanted)
    changed = {key: any_of(first[key]) for key in found.case if first[key] != found.case[key]}
    _keep_for_users(edits, node, list(changed))
    _set(edits, node, changed)
    references = _written_references(edits, found)
    column = _dash_column(file.text, found.node)
    for case in others:
        lines = entry(column, case, found.source, found.runs, references)
        edits.add_lines(found.node, lines)

    return edits.text()


def _carve_all(
    case: Mapping[str, list[Any]], wanted: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, list[Any]]]:
    left, ones = [case], []
    for keys in wanted:
        of_keys = next(each for each in left if all(keys[key] in each[key] for key in keys))
        smaller, one = carve(of_keys, keys)
        place = left.index(of_keys)
        left[place : place + 1] = smaller
        ones.append(one)

    return [*left, *ones]


def _set(edits: Edits, node: Node, values: Mapping[str, str]) -> None:
    """Gives the mapping at a node values of its own; an alias becomes a mapping that merges."""
    if node.kind == "alias":
        name = edits.file.text[node.start : node.end]
        written = "".join(f", {key}: {value}" for key, value in values.items())
        edits.replace(node, f"{{<<: {name}{written}}}")
        return

    for key, value in values.items():
        own = node.own(key)
        if own is not None:
            edits.replace(own, value)
        else:
            edits.add_key(node, key, value)


def _keep_for_users(edits: Edits, node: Node, keys: Sequence[str]) -> None:
    root = edits.file.root
    assert root is not None
    for mapping in root.walk():
        if mapping.kind != "mapping":
            continue

        if any(each.target is node for each in mapping.merged):
            inherited = [key for key in keys if mapping.own(key) is None]
            _set(edits, mapping, _written_values(edits, mapping, inherited))

        for name, alias in mapping.pairs:
            if alias.target is node and name.text != "<<":
                _set(edits, alias, _written_values(edits, node, keys))


def _written_values(edits: Edits, node: Node, keys: Sequence[str]) -> dict[str, str]:
    values = {key: node.effective(key) for key in keys}
    return {key: edits.written(value) for key, value in values.items() if value is not None}


def _written_references(edits: Edits, found: Entry) -> dict[str, str]:
    """As they stand in the file where that is one line, so that -0.20 does not become -0.2."""
    references = {metric: reference(*each) for metric, each in found.references.items()}
    node = found.node.own("references")
    for metric, each in node.pairs if node is not None and node.kind == "mapping" else []:
        written = edits.file.text[each.start : each.end]
        has_anchors = any(part.anchor for part in each.walk())
        if each.is_flow and not has_anchors and "\n" not in written:
            references[metric.text] = written

    return references


def _dash_column(text: str, node: Node) -> int:
    line = text[text.rfind("\n", 0, node.start) + 1 : node.start]
    return line.index("-")
