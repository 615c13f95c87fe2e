"""What could not be read, and in which night it was written: what is broken does not say it."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from perflogs.history import Unreadable
from perflogs.reading.header import Header
from perflogs.reading.origins import Origin, Position
from perflogs.reading.times import night_at


def dated_complaints(origins: Collection[Origin], runs: pl.DataFrame) -> list[Unreadable]:
    """What could not be read of the origins, with its night; `runs` are the sightings of all of
    them, by the schema RUNS of the records."""
    wanted = [origin for origin in origins if origin.unreadable]
    numbers = [origin.number for origin in wanted]
    columns = runs.select("origin", "line", "second", "offset")
    read = columns.filter(pl.col("origin").is_in(numbers)).sort("origin", "line")
    of_origin = read.partition_by("origin", as_dict=True)
    return [
        replace(each, night=_night(origin, each, of_origin.get((origin.number,), read.clear())))
        for origin in wanted
        for each in origin.complaints()
    ]


def _night(origin: Origin, complaint: Unreadable, read: pl.DataFrame) -> date | None:
    """`read` are the sightings in the origin, in order: what follows one is later than it."""
    if origin.session is not None:
        ended = origin.session.end
        return None if ended is None else night_at(ended, origin.session.offset)

    if origin.position is None:
        return _night_by_this_clock(origin.changed)

    if complaint.text.startswith(Header(origin.position.header).prefix):
        # No run is lost with a header.
        return None

    if _is_at_the_end(origin, origin.position, complaint.line):
        return _night_by_this_clock(origin.changed)

    before = int(read["line"].search_sorted(complaint.line))
    _, _, second, offset = read.row(before - 1) if before else (0, 0, None, 0)
    return None if second is None else night_at(second, offset)


def _is_at_the_end(origin: Origin, position: Position, line: int) -> bool:
    """Whether no line behind this one could be read."""
    broken = sum(number > line for number, *_ in origin.unreadable) + origin.unlisted
    return position.lines - line <= broken


def _night_by_this_clock(changed: float | None) -> date | None:
    if changed is None:
        return None

    offset = datetime.now().astimezone().utcoffset()
    assert offset is not None
    return night_at(changed, round(offset.total_seconds() / 60))
