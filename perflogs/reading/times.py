"""When a job ended, or that was written down, in seconds since 1970; and by which clock."""

import re
from datetime import UTC, date, datetime, timedelta

import polars as pl

#: A night begins at noon, by the clock of the site: so many seconds after midnight.
NOON, DAY = 12 * 3600, 24 * 3600

_CLOCK = "%Y-%m-%dT%H:%M:%S"
_CLOCK_LENGTH = len("2026-11-21T13:58:41")
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")
_MICROSECOND = 1_000_000
#: In the year 10000.
_END_OF_TIME = 253_402_300_800
#: Of the clock of a site and UTC, whatever a record says.
_MOST_DAYS_APART = 5


def whole_seconds(unix: float) -> int:
    """As ReFrame's texts have them: cut off, after rounding to microseconds as `datetime` does.

    Raises ValueError for what no clock shows."""
    if not 0 <= unix < _END_OF_TIME:
        raise ValueError(f"{unix} is no time")

    return round(unix * _MICROSECOND) // _MICROSECOND


def night_at(second: float, offset: int) -> date | None:
    """The night, from noon to noon, of a time in seconds since 1970, by a clock that is so many
    minutes before UTC; None for what no clock shows."""
    if not 0 <= second < _END_OF_TIME - DAY * _MOST_DAYS_APART:
        return None

    return (datetime.fromtimestamp(second, UTC) + timedelta(minutes=offset, seconds=-NOON)).date()


def minutes(zone: str) -> int | None:
    """What a text such as "+01:00" or "-0930" is before UTC; None where it is no such text."""
    if zone == "Z":
        return 0

    found = _ZONE.fullmatch(zone)
    if not found:
        return None

    sign, hours, rest = found.groups()
    return (1 if sign == "+" else -1) * (60 * int(hours) + int(rest))


def read_times(text: pl.Series, unix: pl.Series) -> pl.DataFrame:
    """`second`, `offset` (minutes before UTC), and `wrong`, where there is a text that is no time.

    Of `text`, such as 2026-11-21T13:58:41+01:00, and `unix`, in seconds, either may be null. Where
    the text has no offset, as ReFrame writes it where its `datefmt` has none, the offset is how far
    the text is from `unix`, else 0."""
    zones = text.str.slice(_CLOCK_LENGTH)
    named = [zone for zone in zones.unique() if zone]
    offsets = pl.Series([minutes(zone) for zone in named], dtype=pl.Int32)
    clock = text.str.slice(0, _CLOCK_LENGTH).str.to_datetime(_CLOCK, strict=False)
    possible = unix.set(~unix.is_between(0, _END_OF_TIME, closed="left"), None)
    return (
        pl.DataFrame(
            {
                "clock": clock.dt.epoch("s"),
                "zone": zones,
                "said": zones.replace_strict(named, offsets, default=None, return_dtype=pl.Int32),
                "unix": (possible * _MICROSECOND).round().cast(pl.Int64) // _MICROSECOND,
                "is_impossible": unix.is_not_null() & possible.is_null(),
            }
        )
        .with_columns(
            offset=pl.coalesce(
                "said",
                ((pl.col("clock") - pl.col("unix")) / 60).round().cast(pl.Int32, strict=False),
                pl.lit(0, pl.Int32),
            )
        )
        .select(
            pl.coalesce("unix", pl.col("clock") - 60 * pl.col("offset").cast(pl.Int64)).alias(
                "second"
            ),
            "offset",
            wrong=pl.col("is_impossible")
            | (
                pl.col("zone").is_not_null()
                & (pl.col("clock").is_null() | (pl.col("said").is_null() & (pl.col("zone") != "")))
            ),
        )
    )
