"""What a reference file says: its entries, and where each of them stands in the text.

    PARTITION:
      CHECK:
        - case: {preset: nightly, num_gpus: 4, pipeline: [files, packed], ...}
          source: where the values come from
          runs: 40
          references:
            throughput: {value: 3882.5, lower: -0.04, upper: null, unit: images/s}

A list in `case` stands for any of its values. The checks read the same files, and refuse more."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from perflogs.baselines.comparable_runs import Case
from perflogs.baselines.yaml_tree import Node, parse
from perflogs.statistics.bounds import Bounds


class UnusableReferences(ValueError):
    """A reference file that cannot be read or changed; the message names it, line and reason."""


@dataclass(frozen=True)
class Entry:
    """The references of one case, or of several: `case` holds a list of values for each key."""

    node: Node
    partition: str
    check: str
    case: dict[str, list[Any]]
    source: str
    runs: int
    references: dict[str, tuple[Bounds, str]]

    def stands_for(self, keys: Mapping[str, Any]) -> bool:
        """Whether a case is among those of the entry."""
        return all(key in self.case and _holds(self.case[key], keys[key]) for key in keys)

    @property
    def is_one_case(self) -> bool:
        """Whether it stands for no other case."""
        return all(len(values) == 1 for values in self.case.values())


@dataclass(frozen=True)
class ReferenceFile:
    """A reference file: `root` is None where it says nothing yet."""

    path: Path
    text: str
    root: Node | None
    entries: tuple[Entry, ...]

    def entry_of(self, case: Case) -> Entry | None:
        """The entry of a case. Raises UnusableReferences where several stand for it."""
        found = [each for each in self.entries_of(case) if each.stands_for(case.keys)]
        if len(found) > 1:
            self.refuse(found[1].node, f"this is the second entry for {case.name}: {case.keys}")

        return found[0] if found else None

    def entries_of(self, case: Case) -> list[Entry]:
        """All entries of the partition and the check of a case."""
        place = case.partition, case.check
        return [each for each in self.entries if (each.partition, each.check) == place]

    def refuse(self, node: Node, complaint: str) -> NoReturn:
        """Raises UnusableReferences for what stands at a node."""
        raise UnusableReferences(f"{self.path}: line {node.line + 1}: {complaint}")


def read_references(path: Path) -> ReferenceFile:
    """Reads a file; one that does not exist says nothing. Raises UnusableReferences."""
    try:
        text = path.read_text() if path.exists() else ""
    except (OSError, UnicodeError) as error:
        raise UnusableReferences(f"{path}: {error}") from None

    return parse_references(path, text)


def parse_references(path: Path, text: str) -> ReferenceFile:
    """The file with this text. Raises UnusableReferences, naming the line."""
    try:
        content = YAML(typ="safe", pure=True).load(text)
        root = parse(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f": line {mark.line + 1}" if mark else ""
        raise UnusableReferences(f"{path}{where}: {error.problem or error.context}") from None
    except YAMLError as error:
        raise UnusableReferences(f"{path}: {' '.join(str(error).split())}") from None

    if root is None or content is None:
        return ReferenceFile(path, text, None, ())

    reader = _Reader(ReferenceFile(path, text, root, ()))
    return ReferenceFile(path, text, root, tuple(reader.entries(content)))


@dataclass(frozen=True)
class _Reader:
    """Checks that the content has the form that is changed later, node by node."""

    file: ReferenceFile

    def entries(self, content: Any) -> list[Entry]:
        root = self.file.root
        assert root is not None
        found = []
        for partition, checks in self._items(content, root):
            at_partition = self._block(root, partition)
            for check, entries in self._items(checks, at_partition):
                at_check = self._block(at_partition, check)
                if not isinstance(entries, list):
                    self.file.refuse(at_check, f"{check}: a list of entries is expected")

                found += [
                    self._entry(partition, check, *each)
                    for each in zip(entries, at_check.children, strict=True)
                ]

        return found

    def _entry(self, partition: str, check: str, fields: Any, node: Node) -> Entry:
        self._require_keys(fields, {"case", "source", "runs", "references"}, node)
        case, references = fields["case"], fields["references"]
        self._items(case, node)
        if not isinstance(fields["source"], str):
            self.file.refuse(node, "source: a text is expected")

        if type(fields["runs"]) is not int:
            self.file.refuse(node, f"runs: a number of runs is expected, not {fields['runs']!r}")

        return Entry(
            node=node,
            partition=partition,
            check=check,
            case={key: each if isinstance(each, list) else [each] for key, each in case.items()},
            source=fields["source"],
            runs=fields["runs"],
            references={
                metric: self._reference(metric, each, node)
                for metric, each in self._items(references, node)
            },
        )

    def _reference(self, metric: str, fields: Any, node: Node) -> tuple[Bounds, str]:
        self._require_keys(fields, {"value", "lower", "upper", "unit"}, node)
        for name in ("value", "lower", "upper"):
            number = fields[name]
            is_number = type(number) in (int, float) and math.isfinite(number)
            if not is_number and (number is not None or name == "value"):
                self.file.refuse(node, f"{metric}: {name}: a number is expected, not {number!r}")

        return Bounds(fields["value"], fields["lower"], fields["upper"]), str(fields["unit"])

    def _require_keys(self, fields: Any, keys: set[str], node: Node) -> None:
        given = {key for key, _ in self._items(fields, node)}
        if given != keys:
            wrong = ", ".join(sorted(map(str, given ^ keys)))
            self.file.refuse(node, f"{wrong}: missing or unknown")

    def _items(self, value: Any, node: Node) -> list[tuple[str, Any]]:
        if not isinstance(value, dict):
            self.file.refuse(node, f"a mapping is expected, not {value!r}")

        return list(value.items())

    def _block(self, mapping: Node, key: str) -> Node:
        node = mapping.own(str(key))
        if node is None or node.kind == "alias" or node.is_flow:
            self.file.refuse(node or mapping, f"{key}: write it out as a block of lines of its own")

        return node


def _holds(values: list[Any], value: Any) -> bool:
    # Not `in`: to Python, false is the whole number 0.
    return any(type(each) is type(value) and each == value for each in values)
