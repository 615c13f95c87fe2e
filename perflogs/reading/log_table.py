"""The columns of a performance log by our names, as texts and numbers that can be relied on."""

import polars as pl

from perflogs.reading.good_lines import Table
from perflogs.reading.header import FIELDS, Header
from perflogs.reading.records import NOT_ENDED, PHASES_AFTER_THE_JOB, TEXTS
from perflogs.reading.texts import canonical_case, map_distinct, sorted_nodes
from perflogs.reading.times import read_times

#: Where a log calls a column otherwise: by the first of these names that it has.
_OTHER_NAMES = {
    "fail_reason": ("failure_reason", "fail_reason"),
    "case": ("reference_case",),
    "command": ("session_command",),
    "nodes": ("job_nodelist",),
    "nodes_used": ("nodes",),
    "completed": ("job_completion_time",),
    "unix": ("job_completion_time_unix",),
    "logged": ("asctime",),
    "partition_nodes": ("partition_num_nodes",),
    "directions": ("metric_directions",),
    "metric": ("perf_var",),
}
_NUMBERS: dict[str, pl.DataType] = {"unix": pl.Float64(), "partition_nodes": pl.Int64()}
_STRINGS = ("completed", "logged", "jobid")
#: `metric` is empty in the default format, which has no line for each.
_TEXTS = (*TEXTS, "nodes_used", "directions", "metric")
_NEEDED = ("result", "name", "system", "partition")
#: How Python, JSON and C write what is no finite number.
_NOT_FINITE = [sign + word for sign in ("", "+", "-") for word in ("nan", "inf", "infinity")]


def figure_columns(header: Header) -> dict[str, dict[str, int]]:
    """Of each metric that a line holds the columns, by the keys of FIELDS; in the multi-line format
    it is one, whose name stands in the line itself, and that is empty here."""
    if not header.is_multiline:
        return header.metrics

    found = {key: header.column(f"perf_{own}") for key, own in FIELDS.items()}
    return {"": {key: number for key, number in found.items() if number is not None}}


def read_table(table: Table) -> pl.DataFrame:
    """The lines that can be read, as columns by our names; those that cannot are refused.

    The fields of a figure are named as `throughput.value`, in the multi-line format `.value`; what
    a log has no column for is null."""
    figures = figure_columns(table.header)
    numbers = {
        **_NUMBERS,
        **{
            f"{metric}.{name}": pl.Float64()
            for metric in figures
            for name in FIELDS
            if name != "unit"
        },
    }
    types = {
        **dict.fromkeys([*_TEXTS, *(f"{metric}.unit" for metric in figures)], pl.Categorical()),
        **dict.fromkeys([*_STRINGS, *numbers], pl.String()),
    }
    standing = {
        **_standing(table.header),
        **{f"{metric}.{name}": at for metric in figures for name, at in figures[metric].items()},
    }
    frame = table.columns({name: (number, types[name]) for name, number in standing.items()})
    frame = frame.with_columns(
        pl.lit(None, kind).alias(name) for name, kind in types.items() if name not in standing
    )
    frame = frame.with_columns(_number(table, frame, name, kind) for name, kind in numbers.items())
    frame = _with_times(table, frame, "unix" in standing)
    frame = _with_texts(table, frame)
    return frame.filter(pl.Series(table.good[frame["row"].to_numpy()]))


def _standing(header: Header) -> dict[str, int]:
    """Where in a line the columns stand, by our names; those of figures apart."""
    found = {}
    for name in (*_TEXTS, *_STRINGS, *_NUMBERS):
        here = (header.column(each) for each in _OTHER_NAMES.get(name, (name,)))
        if (number := next((each for each in here if each is not None), None)) is not None:
            found[name] = number

    return found


def _number(table: Table, frame: pl.DataFrame, name: str, kind: pl.DataType) -> pl.Series:
    text = frame[name]
    number = text.cast(kind, strict=False)
    if number.null_count() > text.null_count():
        strange = text.is_not_null() & number.is_null()
        strange &= ~text.str.to_lowercase().is_in(_NOT_FINITE)
        _refuse(table, frame, strange, f"{name.lstrip('.')} is not a number")

    if not kind.is_float():
        return number

    return number.set(~number.is_finite(), None)


def _with_times(table: Table, frame: pl.DataFrame, has_unix: bool) -> pl.DataFrame:
    # ReFrame writes the time of writing where a job has no end. Only where the log has the seconds
    # as well, as in the default format, does that show of a job that is there.
    has_ended = frame["unix"].is_not_null() if has_unix else frame["jobid"].is_not_null()
    has_ended &= frame["completed"].is_not_null() & ~frame["result"].is_in(NOT_ENDED)
    before = frame["fail_phase"].is_not_null() & ~frame["fail_phase"].is_in(PHASES_AFTER_THE_JOB)
    text = frame.select(pl.coalesce("completed", "logged")).to_series()
    times = read_times(text, frame["unix"])
    _refuse(table, frame, times["wrong"], "its time is not one")
    return frame.with_columns(
        times["second"], times["offset"], (has_ended & ~before).alias("dated")
    )


def _with_texts(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    # The scheduler's word on the nodes, by names that it takes back; that of the processes is one.
    nodes = frame.select(pl.coalesce("nodes", "nodes_used")).to_series()
    case = map_distinct(frame["case"], _case_or_none)
    _refuse(
        table,
        frame,
        case.is_null() & frame["case"].is_not_null(),
        "reference_case is no JSON object",
    )
    for name in _NEEDED:
        _refuse(table, frame, frame[name].is_null(), f"it has no {name}")

    return frame.with_columns(map_distinct(nodes, sorted_nodes).alias("nodes"), case.alias("case"))


def _case_or_none(text: str) -> str | None:
    try:
        return canonical_case(text)
    except (ValueError, RecursionError):
        return None


def _refuse(table: Table, frame: pl.DataFrame, which: pl.Series, why: str) -> None:
    if which.any():
        table.refuse(frame["row"].filter(which).to_numpy(), why)
