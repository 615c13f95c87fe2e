"""How often something reports, and whether it should have reported again."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

#: What has reported less often has no rhythm that it could fall out of.
FEWEST_NIGHTS = 3
#: Of what was there on so many nights in a row, one is not left out by chance.
ALWAYS = 10
# What is not always there is missed after two of its usual intervals.
_INTERVALS = 2
# A place that runs on four weekdays or more, for three weeks, has days of rest.
_WEEKDAYS, _WEEKS = 4, timedelta(days=21)


def absences(own: Sequence[date], nights: Sequence[date], at_once: bool) -> int:
    """On how many of the `nights` something is missed: of those since its `own` last one, all or
    none. Both are sorted, and the own are some of the nights.

    It is missed after two of its usual intervals, and `at_once` if it was there on each of the
    ALWAYS nights before."""
    if len(own) < FEWEST_NIGHTS:
        return 0

    order = {night: place for place, night in enumerate(nights)}
    places = [order[night] for night in own]
    absent = len(nights) - 1 - places[-1]
    usual = median(later - earlier for earlier, later in pairwise(places))
    always = len(places) >= ALWAYS and places[-1] - places[-ALWAYS] == ALWAYS - 1
    return absent if absent >= (1 if at_once and always else _INTERVALS * usual) else 0


def usual_interval(nights: Sequence[date]) -> timedelta:
    """The median interval of two nights or more."""
    return timedelta(days=median((later - earlier).days for earlier, later in pairwise(nights)))


def nights_without(nights: Sequence[date], until: date) -> timedelta:
    """How long it has been silent `until` that night, that one included, but for weekdays on which
    it never ran; three weeks of nights tell which these are."""
    recent = [night for night in nights if nights[-1] - night <= 2 * _WEEKS]
    working = {night.weekday() for night in recent}
    known = recent[-1] - recent[0] >= _WEEKS and len(working) >= _WEEKDAYS
    days = range(1, (until - nights[-1]).days + 1)
    dates = (nights[-1] + timedelta(days=day) for day in days)
    return timedelta(days=sum(not known or each.weekday() in working for each in dates))
