"""Judges all series: in several processes where there are many, and each only when it has changed.

A judgement depends on nothing but the values, their nodes and what is better, so that it is kept
under a digest of these, beside the version of the statistics that made it."""

import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from perflogs import statistics
from perflogs.judging.kept_judgements import read_kept, write_kept
from perflogs.series import Series
from perflogs.statistics.judge import judge
from perflogs.statistics.judgement import Judgement

#: Starting processes takes longer than judging so many series.
_FEW = 300
_SERIES_AT_ONCE = 8

Progress = Callable[[str, int, int], None]


def judge_all(
    series: Iterable[Series], kept: Path | None = None, progress: Progress | None = None
) -> Iterator[tuple[Series, Judgement]]:
    """Each series with its judgement, in the order given.

    `kept` is a file of judgements from last time: it is written anew when all are judged, and
    ignored where it cannot be used. `progress` is told what is done, how many are, and of how
    many."""
    series = list(series)
    version = _version_of_statistics()
    known = {} if kept is None else read_kept(kept, version)
    digests = [_digest(each) for each in series]
    new = dict.fromkeys(digest for digest in digests if digest not in known)
    by_digest = dict(zip(digests, series, strict=True))
    judged = _judged([by_digest[digest] for digest in new])
    current: dict[str, Judgement] = {}
    for number, (digest, each) in enumerate(zip(digests, series, strict=True)):
        if progress is not None:
            progress("judging", number, len(series))

        if digest not in current:
            current[digest] = known[digest] if digest in known else next(judged)

        yield each, current[digest]

    if kept is not None and new:
        write_kept(kept, version, current)


def _judged(series: list[Series]) -> Iterator[Judgement]:
    processes = _processors()
    if len(series) < _FEW or processes == 1:
        yield from map(_judge, series)
        return

    # Polars has threads of its own, which a forked process would lack.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(judge, *_arguments(series), chunksize=_SERIES_AT_ONCE)


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _judge(series: Series) -> Judgement:
    return judge(series.values, series.nodes, series.better, series.comparison)


def _arguments(series: list[Series]) -> tuple[list[object], ...]:
    return (
        [each.values for each in series],
        [each.nodes for each in series],
        [each.better for each in series],
        [each.comparison for each in series],
    )


def _digest(series: Series) -> str:
    found = hashlib.sha256(series.values.tobytes())
    found.update("\x00".join([series.better, series.comparison, *series.nodes]).encode())
    return found.hexdigest()


def _version_of_statistics() -> str:
    """Of the mathematics and of what it is made with: other code may judge otherwise."""
    found = hashlib.sha256()
    for path in sorted(Path(statistics.__path__[0]).glob("*.py")):
        found.update(path.read_bytes())

    for package in ("numpy", "scipy", "ruptures"):
        found.update(importlib.metadata.version(package).encode())

    return found.hexdigest()
