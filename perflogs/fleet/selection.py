"""Chooses runs by a text such as `2026-11-01..2026-11-07`, `7d..` or `image=sha256:1f0e`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from perflogs.history import EVENTS, KEYS

_COLUMNS = ("system", "partition", "environ", "name", "check", "campaign", "session", *EVENTS)
# By these names they are known as well, beside their own and those of EVENTS.
_ALSO = {"commit": "suite_commit"}
#: Of these the beginning is enough: nobody types all of it.
_DIGESTS = ("image_digest", "suite_commit")
_SHORTEST_DIGEST = 7
_MOST_VALUES = 10
_LENGTH = re.compile(r"(\d{1,4})([dw])")


class UnusableSelection(ValueError):
    """A text that chooses no runs; the message says what there is to choose."""


@dataclass(frozen=True)
class Selection:
    """Chosen runs: `compared` are the columns and keys that were chosen by."""

    text: str
    runs: pl.DataFrame
    compared: frozenset[str]


def select(text: str, runs: pl.DataFrame) -> Selection:
    """The runs that all parts of `text`, separated by commas, choose: periods, and KEY=VALUE.

    Raises UnusableSelection where a part cannot be read, or nothing is left."""
    compared: set[str] = set()
    chosen = runs
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if equals:
            column = _column(key.strip(), runs)
            compared.add(column)
            chosen = _with_value(part, column, value.strip(), chosen)
        else:
            chosen = _in_period(part.strip(), runs, chosen)

    return Selection(text, chosen, frozenset(compared))


def short_names() -> dict[str, str]:
    """Column by every name that a selection may use for it, in order; those in the keys of the
    history, and `node`, come on top."""
    words = {word.lower().replace(" ", "_"): column for column, word in EVENTS.items()}
    return {**{name: name for name in _COLUMNS}, **words, **_ALSO, **{name: name for name in KEYS}}


def _column(key: str, runs: pl.DataFrame) -> str:
    known = short_names() | {"node": "node"} | {name: name for name in _keys_of_cases(runs)}
    name = key.lower().replace(" ", "_")
    if name not in known:
        raise UnusableSelection(
            f"{key!r} is nothing to choose runs by: there are a period such as 7d.. or "
            f"2026-11-01..2026-11-07, and {', '.join(known)}"
        )

    return known[name]


def _keys_of_cases(runs: pl.DataFrame) -> Iterator[str]:
    keys = runs.select(pl.col("key").unique())["key"]
    for key in keys:
        yield from re.findall(r'"(\w+)":', key)


def _values(column: str, runs: pl.DataFrame) -> pl.Series:
    if column == "node":
        return runs["nodes"]

    if column in _COLUMNS:
        return runs[column]

    return runs["key"].str.json_path_match(f"$.{column}").fill_null("")


def _with_value(part: str, column: str, value: str, runs: pl.DataFrame) -> pl.DataFrame:
    values = _values(column, runs)
    if column == "node":
        chosen = runs.filter(values.str.split(",").list.contains(value))
        there = values.str.split(",").explode()
    else:
        chosen = runs.filter(values == value)
        there = values

    if chosen.is_empty() and column in _DIGESTS and len(value) >= _SHORTEST_DIGEST:
        beginnings = values.str.starts_with(value) | values.str.starts_with(f"sha256:{value}")
        chosen = runs.filter(beginnings)

    if chosen.is_empty():
        known = sorted({each for each in there.unique() if each})
        more = f" and {len(known) - _MOST_VALUES} more" if len(known) > _MOST_VALUES else ""
        listed = ", ".join(known[:_MOST_VALUES]) or "no value at all"
        raise UnusableSelection(f"no run has {part}: there is {listed}{more}")

    return chosen


def _in_period(part: str, runs: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    if part.count("..") != 1:
        raise UnusableSelection(
            f"{part!r} is neither a period such as 7d.., 14d..7d or 2026-11-01..2026-11-07 nor "
            "KEY=VALUE"
        )

    oldest, newest = runs["night"].min(), runs["night"].max()
    if not isinstance(oldest, date) or not isinstance(newest, date):
        raise UnusableSelection(f"no run is in {part}: none has a time")

    start, end = part.split("..")
    # Seven days that end with the newest night begin six nights before it.
    first = _night(start, newest + timedelta(days=1), part) if start else oldest
    last = _night(end, newest, part) if end else newest
    within = chosen.filter(pl.col("night").is_between(first, last))
    if within.is_empty():
        raise UnusableSelection(
            f"no run is in {part} (nights {first} to {last}): the history has nights {oldest} to "
            f"{newest}"
        )

    return within


def _night(text: str, newest: date, part: str) -> date:
    length = _LENGTH.fullmatch(text)
    try:
        if length:
            return newest - timedelta(days=int(length[1]) * (7 if length[2] == "w" else 1))

        return date.fromisoformat(text)
    except ValueError:
        raise UnusableSelection(
            f"{part!r}: {text!r} is neither a night such as 2026-11-01 nor a length such as 7d"
        ) from None
