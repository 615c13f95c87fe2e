"""Which cases of two parts of a history are the same one: those that agree in all but what is
compared."""

from collections.abc import Collection

import polars as pl

from perflogs.case_selection import parameters_of

_GIVEN_UP = {
    "system": ("system", "partition", "environ"),
    "partition": ("partition",),
    "environ": ("environ",),
    "name": ("name",),
    "check": ("name",),
}


def case_columns(compared: Collection[str]) -> list[str]:
    """The columns in which a case of A and the same case of B agree, where these are compared."""
    given_up = {column for each in compared for column in _GIVEN_UP.get(each, ())}
    columns = ("system", "partition", "environ", "name")
    return [column for column in columns if column not in given_up]


def parameters(runs: pl.DataFrame) -> set[str]:
    """The parameters in the names of these runs, such as `storage`."""
    return {key for name in runs["name"].unique() for key in parameters_of(name)}


def named_alike(runs: pl.DataFrame, compared: Collection[str]) -> pl.DataFrame:
    """The runs, without the parameters in their names that are compared: where `storage` is,
    `Train %storage=scratch` and `Train %storage=network` are one case."""
    names = {name: _without(name, compared) for name in runs["name"].unique()}
    return runs.with_columns(pl.col("name").replace_strict(names, return_dtype=pl.String))


def _without(name: str, compared: Collection[str]) -> str:
    check, *given = name.split(" %")
    return " %".join([check, *(each for each in given if each.split("=", 1)[0] not in compared)])


def place_and_name(columns: list[str], case: tuple[str, ...]) -> tuple[str, str]:
    """Where the case ran, as far as both sides agree in it, and its name."""
    known = dict(zip(columns, case, strict=True))
    name = known.pop("name", "all tests")
    return ":".join(known.values()), name
