"""Which cases of two parts of a history are the same one: those that agree in all but what is
compared."""

from collections.abc import Collection

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


def place_and_name(columns: list[str], case: tuple[str, ...]) -> tuple[str, str]:
    """Where the case ran, as far as both sides agree in it, and its name."""
    known = dict(zip(columns, case, strict=True))
    name = known.pop("name", "all tests")
    return ":".join(known.values()), name
