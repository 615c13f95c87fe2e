"""Tells runs apart that have no end of a job to be told apart by.

Cases that failed before, or only compile, are logged under the time of writing, line by line; the
report has no time for them at all. There are few of them: here is a loop over them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from perflogs.reading.origins import Origin, Session
from perflogs.reading.records import NOT_ENDED, PHASES_AFTER_THE_JOB, Records

#: The lines of one run are written one after the other, within so many seconds.
_WRITING_SECONDS = 2
_GREEN = {"pass", "xfail", "xpass"}
_CASE = ["system", "partition", "environ", "name", "jobid"]

Case = tuple[str | None, ...]


@dataclass
class _Run:
    """Rows that are one run: its result and where it failed, when it was written first and last,
    and its metrics."""

    outcome: tuple[str | None, str | None]
    first: int | None
    last: int | None
    rows: list[int]
    metrics: set[str]
    is_reported: bool = False

    def goes_on_with(self, other: "_Run") -> bool:
        """Whether the other is the next line of the same run, and not the case once more."""
        if self.last is None or other.first is None or self.outcome != other.outcome:
            return False

        is_soon = 0 <= other.first - self.last <= _WRITING_SECONDS
        return is_soon and bool(other.metrics) and self.metrics.isdisjoint(other.metrics)

    def is_of(self, session: Session, outcome: tuple[str | None, str | None]) -> bool:
        """Whether it was written while the session ran, of a case with this outcome, and no case of
        a session has claimed it."""
        result, phase = self.outcome
        # ReFrame's default format does not say the phase, and has what came so far alone.
        # Of a case that was not run a report does not say it either.
        is_same = phase == outcome[1] or result in NOT_ENDED
        is_same |= phase is None and outcome[1] in PHASES_AFTER_THE_JOB
        if result != outcome[0] or not is_same:
            return False

        if self.is_reported or self.first is None or session.start is None or session.end is None:
            return False

        return int(session.start) <= self.first <= session.end


def dry_runs(records: Records) -> pl.Series:
    """Which rows are of a dry run: passed without a job, and all their figures have no value."""
    rows = records.figures.group_by("row").agg(measured=pl.col("value").is_not_null().any())
    unmeasured = rows.filter(~pl.col("measured"))["row"].implode()
    return records.runs.select(
        ~pl.col("dated")
        & pl.col("jobid").is_null()
        & pl.col("result").is_in(_GREEN)
        & pl.int_range(pl.len(), dtype=pl.UInt32).is_in(unmeasured)
    ).to_series()


def same_runs(records: Records, origins: Mapping[int, Origin]) -> list[list[int]]:
    """The rows of each run of which some record has no end of its job: those of performance logs,
    which know when they were written, before that of a report."""
    rows = records.runs.with_row_index("row")
    undated = rows.filter(~pl.col("dated")).sort("origin", "line")
    if undated.is_empty():
        return []

    logs = [number for number, origin in origins.items() if origin.session is None]
    in_logs = pl.col("origin").is_in(logs)
    runs = _logged(undated.filter(in_logs), _metrics_of(records, undated))
    reported = undated.filter(~in_logs)
    for case, run in _with_a_job(rows.filter(in_logs & pl.col("dated")), reported):
        runs[case].append(run)

    # Of sessions that follow each other within a second the first takes what was written first.
    for session, row in sorted(_of_sessions(reported, origins), key=_start):
        here = runs[_case(row)]
        found = next((run for run in here if run.is_of(session, _outcome(row))), None)
        if found is None:
            here.append(_Run(_outcome(row), None, None, [row["row"]], set(), is_reported=True))
        else:
            found.rows.append(row["row"])
            found.is_reported = True

    return [run.rows for here in runs.values() for run in here]


def _of_sessions(
    reported: pl.DataFrame, origins: Mapping[int, Origin]
) -> Iterator[tuple[Session, dict[str, Any]]]:
    for row in reported.iter_rows(named=True):
        session = origins[row["origin"]].session
        assert session is not None
        yield session, row


def _start(reported: tuple[Session, dict[str, Any]]) -> tuple[float, str]:
    session, _ = reported
    return session.start or 0.0, session.uuid


def _logged(rows: pl.DataFrame, metrics: Mapping[int, set[str]]) -> defaultdict[Case, list[_Run]]:
    """The runs that performance logs know of, each once, however many copies there are."""
    found: dict[tuple[Any, ...], _Run] = {}
    seen: Counter[tuple[Any, ...]] = Counter()
    for origin, case, run in _joined(rows, metrics):
        key = (case, run.first)
        seen[origin, key] += 1
        known = found.setdefault((*key, seen[origin, key]), run)
        if known is not run:
            known.rows += run.rows

    runs: defaultdict[Case, list[_Run]] = defaultdict(list)
    for (case, *_), run in found.items():
        runs[case].append(run)

    for here in runs.values():
        here.sort(key=lambda run: run.first or 0)

    return runs


def _joined(
    rows: pl.DataFrame, metrics: Mapping[int, set[str]]
) -> Iterator[tuple[int, Case, _Run]]:
    current: tuple[int, Case, _Run] | None = None
    for row in rows.iter_rows(named=True):
        number = row["row"]
        second = row["second"]
        following = _Run(_outcome(row), second, second, [number], metrics.get(number, set()))
        place = (row["origin"], _case(row))
        if current and current[:2] == place and current[2].goes_on_with(following):
            run = current[2]
            run.last, run.rows = second, [*run.rows, number]
            run.metrics = run.metrics | following.metrics
            continue

        if current:
            yield current

        current = (*place, following)

    if current:
        yield current


def _with_a_job(logged: pl.DataFrame, reported: pl.DataFrame) -> Iterator[tuple[Case, _Run]]:
    """Runs in logs that seem to have ended, of jobs of which a report knows no end."""
    jobs = reported.filter(pl.col("jobid").is_not_null()).select(_CASE).unique()
    for row in logged.join(jobs, on=_CASE, how="semi", nulls_equal=True).iter_rows(named=True):
        yield _case(row), _Run(_outcome(row), row["second"], row["second"], [row["row"]], set())


def _metrics_of(records: Records, undated: pl.DataFrame) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    figures = records.figures.filter(pl.col("row").is_in(undated["row"].implode()))
    for row, metric in figures.select("row", pl.col("metric").cast(pl.String)).iter_rows():
        found.setdefault(row, set()).add(metric)

    return found


def _case(row: Mapping[str, Any]) -> Case:
    return tuple(row[name] for name in _CASE)


def _outcome(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return row["result"], row["fail_phase"]
