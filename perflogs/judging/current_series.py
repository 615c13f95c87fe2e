"""Which series say something of the system as it is."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from perflogs.series import Series

#: Before and after a change there are three runs at least.
FEWEST_RUNS = 6
# What must not change at all, a second run can contradict.
_FEWEST_EQUAL = 2
#: A series without a run for so long, or for two of its usual intervals, has ended.
ENDED = timedelta(days=30)
# So many nights of another series of the same metric say that it has come to stay.
_SETTLED = 3
# What has been silent for longer than this, in its usual intervals, was not merely left out once.
_MISSED = 1.5


@dataclass
class SortedSeries:
    """All series by what can be said of them.

    Those to be `judged`, those that are too `young`, and those that another one of the same metric
    `followed`, as after a new version of the workload. The others have ended without one."""

    judged: list[Series] = field(default_factory=list)
    young: list[Series] = field(default_factory=list)
    followed: list[Series] = field(default_factory=list)


def sort_series(series: Iterable[Series], nights: dict[tuple[str, str], date]) -> SortedSeries:
    """`nights` are the newest ones of each system and partition."""
    found = SortedSeries()
    series = list(series)
    of_one: defaultdict[tuple[str, ...], list[Series]] = defaultdict(list)
    for each in series:
        of_one[_metric(each)].append(each)

    for each in (each for each in series if not _has_ended(each, nights)):
        if any(_has_followed(other, each, nights) for other in of_one[_metric(each)]):
            found.followed.append(each)
        elif len(each.values) < (_FEWEST_EQUAL if each.better == "equal" else FEWEST_RUNS):
            found.young.append(each)
        else:
            found.judged.append(each)

    return found


def _metric(series: Series) -> tuple[str, ...]:
    return series.system, series.partition, series.environ, series.name, series.metric


def _has_ended(series: Series, nights: dict[tuple[str, str], date]) -> bool:
    absent = nights[series.system, series.partition] - series.nights[-1].item()
    return bool(absent > max(ENDED, 2 * _interval(series)))


def _has_followed(newer: Series, older: Series, nights: dict[tuple[str, str], date]) -> bool:
    """A single run of another kind hides nothing: the newer one has settled, or the older one did
    not run when it usually does."""
    last: date = older.nights[-1].item()
    if newer.nights[0].item() <= last:
        return False

    missed = nights[older.system, older.partition] - last > _MISSED * _interval(older)
    return missed or np.unique(newer.nights).size >= _SETTLED


def _interval(series: Series) -> timedelta:
    """The usual one between its nights; a day where it has but one."""
    gaps = np.diff(np.unique(series.nights)).astype(int)
    return timedelta(days=float(np.median(gaps))) if gaps.size else timedelta(days=1)
