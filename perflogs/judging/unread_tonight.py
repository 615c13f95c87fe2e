"""Lines that cannot be read and may be of the newest night: what they say nobody has judged."""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from perflogs.history import Unreadable

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_NOON = timedelta(hours=12)


def unread_tonight(lines: Iterable[Unreadable], newest: date, today: date) -> int:
    """How many of the lines hold a time of the night `newest` or of a later one, up to `today`."""
    nights = (_night(each.text) for each in lines)
    latest = today + timedelta(days=1)
    return sum(night is not None and newest <= night <= latest for night in nights)


def _night(text: str) -> date | None:
    found = _TIME.search(text)
    try:
        return None if found is None else (datetime.fromisoformat(found[0]) - _NOON).date()
    except (ValueError, OverflowError):
        return None
