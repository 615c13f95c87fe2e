"""The same text for the same thing, whichever source it came from."""

import json
from collections.abc import Callable
from typing import Any

import polars as pl

NULLS = ("null", "None", "<undefined>", "")


def text_of(value: Any) -> str | None:
    """A value of a run report as ReFrame writes it into a performance log; None for nothing.

    JSON can say characters that are none, which no text may hold."""
    if isinstance(value, list):
        text = ",".join(each if isinstance(each, str) else json.dumps(each) for each in value)
    else:
        text = value if isinstance(value, str) else json.dumps(value)

    return None if text in NULLS else text.encode(errors="replace").decode()


def one_line(text: str) -> str:
    """The text without line breaks."""
    return " ".join(text.split())


def sorted_nodes(nodes: str) -> str:
    """Names separated by commas, sorted."""
    return ",".join(sorted(name for name in nodes.split(",") if name))


def canonical_case(text: str) -> str:
    """A JSON object with sorted keys. Raises ValueError for any other text."""
    case = json.loads(text)
    if not isinstance(case, dict):
        raise ValueError("not a JSON object")

    return json.dumps(case, sort_keys=True)


def map_distinct(texts: pl.Series, function: Callable[[str], str | None]) -> pl.Series:
    """`function` of each text, computed once for each that differs; null stays null."""
    distinct = texts.drop_nulls().unique().cast(pl.String).to_list()
    results = pl.Series([function(text) for text in distinct], dtype=pl.String)
    return texts.replace_strict(distinct, results, default=None, return_dtype=pl.Categorical())
