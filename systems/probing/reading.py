"""Reads what a probe printed, strictly: what is not of the expected form is refused, and nothing
that a node prints is ever more than text."""

import json
import typing
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any

from systems.probing.answer import Answer
from systems.probing.errors import one_line
from systems.probing.node.__main__ import MARK

LIMIT_BYTES = 256 * 1024


class UnusableAnswer(Exception):
    """The probe's output holds no answer, or none of the expected form."""


def read_answer(output: str) -> Answer:
    """The answer in a job's output. Raises UnusableAnswer, saying what is not as it should be."""
    lines = [line for line in output.splitlines() if line.startswith(MARK)]
    if len(lines) != 1:
        raise UnusableAnswer(f"the output holds {len(lines)} answers in place of one")

    if len(lines[0].encode()) > LIMIT_BYTES:
        raise UnusableAnswer(f"the answer is longer than {LIMIT_BYTES} bytes")

    try:
        read = json.loads(lines[0].removeprefix(MARK))
    except (ValueError, RecursionError) as error:
        raise UnusableAnswer(f"the answer is not JSON: {one_line(error)}") from None

    return _typed(Answer, read, "answer")


def _typed(expected: Any, value: Any, where: str) -> Any:
    origin, inside = typing.get_origin(expected), typing.get_args(expected)
    if is_dataclass(expected):
        return _record(expected, value, where)

    if origin is UnionType:
        return None if value is None else _typed(inside[0], value, where)

    if origin is list and isinstance(value, list):
        return [_typed(inside[0], each, where) for each in value]

    if origin is dict and isinstance(value, dict):
        return {str(key): _typed(inside[1], each, where) for key, each in value.items()}

    if expected is float and type(value) in (int, float):
        return float(value)

    if origin is None and type(value) is expected:
        return value

    raise UnusableAnswer(f"{where} is {one_line(repr(value), 60)}, not {expected}")


def _record(expected: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise UnusableAnswer(f"{where} is {one_line(repr(value), 60)}, not a record")

    known = typing.get_type_hints(expected)
    unknown = sorted(set(value) - {field.name for field in fields(expected)})
    if unknown:
        raise UnusableAnswer(f"{where} has unknown fields: {one_line(', '.join(unknown), 60)}")

    try:
        return expected(
            **{name: _typed(known[name], each, f"{where}.{name}") for name, each in value.items()}
        )
    except TypeError as error:
        raise UnusableAnswer(f"{where}: {one_line(error)}") from None
