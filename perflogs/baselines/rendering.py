"""How values and entries are written in YAML."""

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from perflogs.statistics.bounds import Bounds


def scalar(value: Any) -> str:
    """One value, fit to stand in brackets. Numbers are written without an exponent."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")

    if isinstance(value, str) and _is_plain(f"[{value}]", (value,)):
        return value

    return json.dumps(value, ensure_ascii=False)


def any_of(values: list[Any]) -> str:
    """One value, or a list that stands for any of several."""
    written = [scalar(each) for each in values]
    return written[0] if len(written) == 1 else f"[{', '.join(written)}]"


def line_of_text(value: str) -> str:
    """A text that stands alone behind its key."""
    return value if _is_plain(f"- {value}", (value,)) else json.dumps(value, ensure_ascii=False)


def reference(bounds: Bounds, unit: str) -> str:
    """Value, bounds and unit of one metric."""
    fields = {"value": bounds.value, "lower": bounds.lower, "upper": bounds.upper, "unit": unit}
    # A unit such as 1 must not become a number; the files quote it.
    return "{" + ", ".join(f"{name}: {scalar(value)}" for name, value in fields.items()) + "}"


def entry(
    column: int,
    case: Mapping[str, list[Any]],
    source: str,
    runs: int,
    references: Mapping[str, str],
) -> str:
    """The lines of an entry whose dash stands in `column`; `references` are written already."""
    outer, inner = " " * (column + 2), " " * (column + 4)
    lines = [f"{' ' * column}- case:"]
    lines += [f"{inner}{key}: {any_of(values)}" for key, values in case.items()]
    lines += [f"{outer}source: {line_of_text(source)}", f"{outer}runs: {runs}"]
    lines += [f"{outer}references:"]
    lines += [f"{inner}{metric}: {written}" for metric, written in references.items()]
    return "\n".join(lines) + "\n"


@lru_cache(maxsize=4096)
def _is_plain(written: str, values: tuple[str, ...]) -> bool:
    try:
        return "\n" not in written and YAML(typ="safe", pure=True).load(written) == [*values]
    except YAMLError:
        return False
