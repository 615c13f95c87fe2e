"""What a probe answered, read strictly: what is not of the expected form is refused, and nothing
that a node prints is ever more than text."""

import json
import typing
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any

from systems.probing.errors import one_line
from systems.probing.node.__main__ import MARK

LIMIT_BYTES = 256 * 1024


class UnusableAnswer(Exception):
    """The probe's output holds no answer, or none of the expected form."""


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a MIG device of one; empty where its tool did not say."""

    name: str
    uuid: str
    mig_profile: str
    driver: str


@dataclass(frozen=True)
class Gpus:
    """The GPUs of a node, who listed them, and what went wrong with that."""

    source: str
    found: list[Gpu]
    complaint: str


@dataclass(frozen=True)
class Place:
    """A file or folder as the node sees it; `error` is why it could not be written."""

    exists: bool
    folder: bool
    readable: bool
    writable: bool
    free_bytes: int
    file_system: str
    error: str


@dataclass(frozen=True)
class Interface:
    """A network interface; the speed in Mbit/s, 0 where it does not say."""

    name: str
    state: str
    speed_mbit: int
    ipv4: str


@dataclass(frozen=True)
class Port:
    """A port of an InfiniBand-like adapter, and its network interfaces."""

    adapter: str
    state: str
    rate: str
    layer: str
    interfaces: list[str]


@dataclass(frozen=True)
class VisibleGpu:
    """A GPU as TensorFlow sees it."""

    name: str
    compute_capability: str


@dataclass(frozen=True)
class TensorFlow:
    """What TensorFlow on the node was built for and what it sees; `error` in place of it all."""

    error: str = ""
    version: str = ""
    build: str = ""
    gpus: list[VisibleGpu] | None = None
    processor_features: list[str] | None = None


@dataclass(frozen=True)
class Answer:
    """All that a probe answered; None is a question that failed, and `failed` says why."""

    failed: dict[str, str]
    clock: list[list[float]] | None = None
    time_service: str | None = None
    node: str | None = None
    slurm_node: str | None = None
    temporary: str | None = None
    python: str | None = None
    cpus: int | None = None
    gpus: Gpus | None = None
    places: dict[str, Place] | None = None
    runtimes: list[str] | None = None
    launchers: list[str] | None = None
    interfaces: list[Interface] | None = None
    infiniband: list[Port] | None = None
    address: str | None = None
    way_out: bool | None = None
    tensorflow: TensorFlow | None = None


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
