"""A YAML text as a tree of nodes that know where they stand in it, so that a change leaves every
other character as it is: comments, anchors, order and quoting."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML, events


@dataclass(eq=False)
class Node:
    """One node: `start` and `end` (not included) in the text, `column` and `line` from 0.

    `kind` is scalar, mapping, sequence or alias. The children of a mapping are its keys and values
    in turns. `target` is the node that an alias stands for."""

    kind: str
    start: int
    end: int
    line: int
    column: int
    is_flow: bool = False
    text: str = ""
    anchor: str = ""
    target: "Node | None" = None
    children: list["Node"] = field(default_factory=list)

    @property
    def pairs(self) -> list[tuple["Node", "Node"]]:
        """Keys and values of a mapping."""
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    def own(self, key: str) -> "Node | None":
        """The value that the mapping itself gives to a key, if any: not one that it merges in."""
        return next((value for name, value in self.pairs if name.text == key), None)

    @property
    def merged(self) -> list["Node"]:
        """The aliases that a mapping merges in, the first of which comes first."""
        found = self.own("<<")
        return [] if found is None else found.children or [found]

    def effective(self, key: str) -> "Node | None":
        """The value of a key, whether the mapping has it itself or merges it in."""
        if self.target is not None:
            return self.target.effective(key)

        found = (each.effective(key) for each in self.merged)
        return self.own(key) or next((each for each in found if each is not None), None)

    def walk(self) -> Iterator["Node"]:
        """This node and all below it; not what aliases stand for."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: str) -> Node | None:
    """The root of a text with one document; None where it is empty. Raises YAMLError."""
    stream = YAML(typ="safe", pure=True).parse(text)
    anchors: dict[str, Node] = {}
    for event in stream:
        if isinstance(event, events.NodeEvent):
            return _node(event, stream, anchors)

    return None


def _node(event: Any, stream: Iterator[Any], anchors: dict[str, Node]) -> Node:
    begin, end = event.start_mark, event.end_mark
    node = Node("", begin.index, end.index, begin.line, begin.column)
    if isinstance(event, events.AliasEvent):
        node.kind, node.target = "alias", anchors[event.anchor]
        return node

    if event.anchor:
        node.anchor = event.anchor
        anchors[event.anchor] = node

    if isinstance(event, events.ScalarEvent):
        node.kind, node.text = "scalar", event.value
        return node

    node.kind = "mapping" if isinstance(event, events.MappingStartEvent) else "sequence"
    node.is_flow = bool(event.flow_style)
    for child in stream:
        if isinstance(child, events.CollectionEndEvent):
            # The end of a block is only seen where the next thing begins, behind comments.
            node.end = child.end_mark.index if node.is_flow else node.children[-1].end
            return node

        node.children.append(_node(child, stream, anchors))

    raise AssertionError("the parser ends every collection that it begins")
