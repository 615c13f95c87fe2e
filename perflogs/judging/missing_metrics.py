"""Metrics that are no longer reported, although their case goes on, and comes to its end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date

import polars as pl

from perflogs.history import SOUND
from perflogs.judging.absence import absence
from perflogs.judging.finding import SUITE_ERROR, Finding
from perflogs.judging.nights import CASE, PLACE, RETIRED
from perflogs.judging.rhythm import absences
from perflogs.series import Series

_KIND = [*CASE, "key"]
_LATEST = pl.col("night").max()


def missing_metrics(
    series: Iterable[Series], runs: pl.DataFrame, every: pl.DataFrame
) -> Iterator[Finding]:
    """A finding for the metrics of a case that have been missing since the same night.

    `runs` are those that are judged, and `every` are all of the history, a row for each number.
    Nights count on which sound runs of the same kind were made, and of these nightly campaigns
    where there are any."""
    nightly = pl.col("campaign") == "nightly"
    sound = runs.filter(SOUND & (nightly | ~nightly.any().over(PLACE)))
    newest = {tuple(kind): night for *kind, night in sound.group_by(_KIND).agg(_LATEST).iter_rows()}
    missing: defaultdict[tuple[tuple[str, ...], date], list[str]] = defaultdict(list)
    for each in series:
        kind = (*_case(each), every["key"][int(each.runs[-1])])
        last: date = each.nights[-1].item()
        if last < newest.get(kind, last) <= last + RETIRED and _is_missed(each, kind, sound):
            missing[_case(each), last].append(each.metric)

    for (case, last), metrics in missing.items():
        named = sorted(metrics)
        reason = (
            f"{', '.join(named)} not reported since the night of {last}: the case went on, and "
            "came to its end"
        )
        yield absence(case, SUITE_ERROR, last, reason, about=named[0])


def _is_missed(series: Series, kind: tuple[str, ...], sound: pl.DataFrame) -> bool:
    same = pl.all_horizontal(pl.col(name) == text for name, text in zip(_KIND, kind, strict=True))
    made = sound.filter(same)["night"].unique().sort()
    reported = made.filter(made.is_in(pl.Series(series.nights).implode()))
    since_then = made.filter(made >= reported.min()) if reported.len() else made
    return absences(reported.to_list(), since_then.to_list(), at_once=True) > 0


def _case(series: Series) -> tuple[str, ...]:
    return series.system, series.partition, series.environ, series.name
