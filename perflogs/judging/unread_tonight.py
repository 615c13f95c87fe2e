"""Lines that cannot be read and may be of the newest night: what they say nobody has judged."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from perflogs.history import Unreadable

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_NOON = timedelta(hours=12)


def unread_tonight(lines: Iterable[Unreadable], newest: date, latest: date) -> int:
    """How many of the lines are of the night `newest` or of a later one, up to `latest`: by the
    time that they hold, or else by their place."""
    nights = (_night(each) for each in lines)
    return sum(night is not None and newest <= night <= latest for night in nights)


def _night(line: Unreadable) -> date | None:
    if found := _TIME.search(line.text):
        try:
            return (datetime.fromisoformat(found[0]) - _NOON).date()
        except (ValueError, OverflowError):
            # Something else that looks like one: its place tells more.
            pass

    return line.night
