"""Changes of a text at several places at once, each given by where it stands before any of them."""

from dataclasses import dataclass, field

from perflogs.baselines.reference_file import ReferenceFile
from perflogs.baselines.rendering import scalar
from perflogs.baselines.yaml_tree import Node


@dataclass
class Edits:
    """What is to change in a reference file; all nodes are of its tree."""

    file: ReferenceFile
    changes: list[tuple[int, int, str]] = field(default_factory=list)

    def text(self) -> str:
        """The text with all changes made; insertions at one place in the order of their asking."""
        text, done = "", 0
        for start, end, written in sorted(self.changes, key=lambda change: change[:2]):
            text += self.file.text[done:start] + written
            done = end

        return text + self.file.text[done:]

    def replace(self, node: Node, written: str) -> None:
        """Puts a text in place of a node. Refuses one that others have aliases of."""
        if node.anchor:
            self.file.refuse(node, f"others share it by &{node.anchor}: write it out for each")

        self.changes.append((node.start, node.end, written))

    def add_key(self, mapping: Node, key: str, written: str) -> None:
        """Adds a key at the end of a mapping."""
        if mapping.is_flow:
            separator = ", " if mapping.children else ""
            place = mapping.children[-1].end if mapping.children else mapping.end - 1
            self.changes.append((place, place, f"{separator}{key}: {written}"))
        else:
            # Not where the mapping begins: there stands its anchor, if it has one.
            column = mapping.children[0].column
            self.add_lines(mapping, f"{' ' * column}{key}: {written}\n")

    def add_lines(self, node: Node | None, lines: str) -> None:
        """Adds whole lines below the last line of a node, or at the end of the file."""
        text = self.file.text
        place = len(text)
        if node is not None and node.end and text[node.end - 1] != "\n":
            place = text.find("\n", node.end) + 1 or len(text)
        elif node is not None:
            place = node.end

        before = "" if place == 0 or text[place - 1] == "\n" else "\n"
        self.changes.append((place, place, before + lines))

    def written(self, node: Node) -> str:
        """How the value of a node can be written again elsewhere, on one line."""
        if node.anchor:
            return f"*{node.anchor}"

        if node.kind == "sequence":
            return f"[{', '.join(self.written(each) for each in node.children)}]"

        found = self.file.text[node.start : node.end]
        return scalar(node.text) if "\n" in found else found
