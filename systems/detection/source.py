"""Writes Python literals with comments among them, as one would by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from systems.probing.errors import one_line

WIDTH = 100
INDENT = " " * 4


@dataclass(frozen=True)
class Comment:
    """A line, or several, that only people read."""

    text: str


@dataclass(frozen=True)
class Expression:
    """Python that is written as it is: never text from outside."""

    text: str


Block = Sequence[Comment | tuple[str, Any]]


def count(number: int, noun: str) -> str:
    """A number of things, in words that agree with it."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def comment_lines(text: str, indent: str) -> list[str]:
    """The comment, broken at blanks; what is no printable text in it becomes a blank."""
    lines: list[str] = []
    for word in one_line(text, 2000).split():
        if lines and len(indent) + len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f"# {word}")

    return [indent + line for line in lines]


def dictionary(entries: Block, indent: str) -> list[str]:
    """The lines of a dictionary, the first and last of them its braces."""
    inside = indent + INDENT
    lines = ["{"]
    for entry in entries:
        if isinstance(entry, Comment):
            lines += comment_lines(entry.text, inside)
        else:
            key, value = entry
            lines += _entry(f"{inside}{literal(key)}: ", value, inside)

    return [*lines, indent + "}"]


def _entry(prefix: str, value: Any, indent: str) -> list[str]:
    """The lines of `value`: one where it fits, else those of its own entries."""
    if not _is_block(value) and not _is_list_of_blocks(value):
        line = f"{prefix}{literal(value)},"
        if len(line) <= WIDTH or not isinstance(value, list | Mapping):
            return [line]

    if isinstance(value, Mapping):
        value = list(value.items())

    if _is_block(value):
        first, *others = dictionary(value, indent)
    else:
        first, inside = "[", indent + INDENT
        others = [line for each in value for line in _entry(inside, each, inside)]
        others.append(indent + "]")

    return [prefix + first, *others[:-1], others[-1] + ","]


def _is_block(value: Any) -> bool:
    """Whether it is a dictionary with comments among its entries."""
    return isinstance(value, list) and any(isinstance(each, Comment | tuple) for each in value)


def _is_list_of_blocks(value: Any) -> bool:
    return isinstance(value, list) and any(map(_is_block, value))


def literal(value: Any) -> str:
    """A Python literal that reads back as `value`, in double quotes where it can be."""
    if isinstance(value, Expression):
        return value.text

    if isinstance(value, str):
        return _text(value)

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"

    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(literal, value)) + "]"

    return repr(value)


def _text(value: str) -> str:
    plain = value.isprintable() and value.isascii() and '"' not in value
    if plain and "\\" not in value:
        return f'"{value}"'

    if plain and not value.endswith("\\"):
        return f'r"{value}"'

    return repr(value)
