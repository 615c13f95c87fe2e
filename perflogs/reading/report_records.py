"""From a session as ReFrame's run reports and its results database hold it, to records."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from perflogs.history import EVENTS, KEYS
from perflogs.reading.directions import declared
from perflogs.reading.needed_cases import Together
from perflogs.reading.origins import Origin, Session
from perflogs.reading.records import (
    FIGURES,
    NOT_ENDED,
    PHASES_AFTER_THE_JOB,
    RUNS,
    Records,
)
from perflogs.reading.texts import canonical_case, one_line, sorted_nodes, text_of
from perflogs.reading.times import minutes, whole_seconds

_CLOCK_LENGTH = len("2026-11-21T13:58:41")
_MOST = 2**31
#: What JSON of another form than ReFrame's leads to.
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)
_REPORTED = ("system", "partition", "environ", "name", "hashcode", "jobid", "result", "fail_phase")


class NotAReport(ValueError):
    """A JSON object that is no run report; the message says why."""


def read_session(report: Any) -> Session:
    """What a report says of its session. Raises NotAReport."""
    try:
        info = report["session_info"]
        start = info.get("time_start", "")
        return Session(
            uuid=_required(info["uuid"]),
            start=_number(info.get("time_start_unix")),
            end=_number(info.get("time_end_unix")),
            offset=minutes(start[-5:]) or 0,
            campaign=text_of(info.get("campaign")) or "",
            command=one_line(text_of(info.get("cmdline")) or ""),
            workdir=text_of(info.get("workdir")) or "",
            configuration=json.dumps(info.get("config_files", [])),
        )
    except _MALFORMED as error:
        raise NotAReport(f"not a run report of ReFrame: {_named(error)}") from None


def read_cases(report: Mapping[str, Any], origin: Origin) -> Records:
    """All cases of a report. Those that cannot be read go to the origin, by their number."""
    assert origin.session is not None
    runs: list[dict[str, Any]] = []
    figures: list[dict[str, Any]] = []
    for number, (case, together) in enumerate(_cases(report, origin), 1):
        try:
            run = _run(case, together, origin.session)
            found = [*_figures(case)]
        except _MALFORMED as error:
            name = case.get("name") if isinstance(case, dict) else case
            origin.refuse(number, str(name), f"not a case of a run report: {_named(error)}")
        else:
            figures += [{"row": len(runs), **each} for each in found]
            runs.append({"origin": origin.number, "line": number, **run})

    return Records(pl.DataFrame(runs, schema=RUNS), pl.DataFrame(figures, schema=FIGURES))


def _cases(report: Mapping[str, Any], origin: Origin) -> Iterator[tuple[Any, Together]]:
    try:
        for run in report["runs"]:
            together = Together(run["testcases"])
            for case in run["testcases"]:
                yield case, together
    except (KeyError, TypeError) as error:
        origin.refuse(0, "", f"not a run report of ReFrame: {_named(error)}")


def _run(case: dict[str, Any], together: Together, session: Session) -> dict[str, Any]:
    texts = {key: text_of(case.get(key)) for key in (*_REPORTED, "failure_class", *KEYS, *EVENTS)}
    for key in ("result", "name", "system", "partition"):
        _required(case[key])

    nodes = text_of(case.get("job_nodelist")) or text_of(case.get("nodes")) or _pinned_to(case)
    reasons = (text_of(case.get(key)) for key in ("failure_reason", "fail_reason"))
    reason = next(filter(None, reasons), together.why_not_run(case))
    given = text_of(case.get("reference_case"))
    return {
        **texts,
        **_time(case, session),
        "nodes": sorted_nodes(nodes) or None,
        "fail_reason": one_line(reason) or None,
        "campaign": text_of(case.get("campaign")) or session.campaign or None,
        "command": session.command or None,
        "case": canonical_case(given) if given else None,
        "partition_nodes": _count(case.get("partition_num_nodes")),
    }


def _time(case: Mapping[str, Any], session: Session) -> dict[str, Any]:
    ended = _number(case.get("job_completion_time_unix"))
    if ended is None:
        second = None if session.end is None else whole_seconds(session.end)
        return {"second": second, "offset": session.offset, "dated": False}

    zone = (case.get("job_completion_time") or "")[_CLOCK_LENGTH:]
    offset = minutes(zone)
    return {
        "second": whole_seconds(ended),
        "offset": session.offset if offset is None else offset,
        "dated": case["result"] not in NOT_ENDED
        and case.get("fail_phase") in (None, *PHASES_AFTER_THE_JOB),
    }


def _pinned_to(case: Mapping[str, Any]) -> str:
    # `--distribute` adds a parameter that is shown, but is no part of the name.
    shown = str(case.get("display_name", "")).split(" %")
    return next((each.removeprefix(".nid=") for each in shown if each.startswith(".nid=")), "")


def _figures(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    directions = text_of(case.get("metric_directions")) or ""
    for variable, (given, reference, lower, upper, unit, *_) in case["perfvalues"].items():
        metric = _required(variable.split(":")[-1])
        named = text_of(unit)
        better, comparison = declared(directions, metric, named or "")
        bounds = _number(lower), _number(upper)
        yield {
            "metric": metric,
            "value": _number(given),
            "unit": named,
            "better": better,
            "comparison": comparison,
            # ReFrame writes 0 without bounds where there is no reference.
            "reference": None if reference == 0 and bounds == (None, None) else _number(reference),
            "lower": bounds[0],
            "upper": bounds[1],
        }


def _number(value: Any) -> float | None:
    if value is None:
        return None

    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number")

    return float(value) if math.isfinite(value) else None


def _count(value: Any) -> int | None:
    text = text_of(value)
    if text is None:
        return None

    if not 0 <= int(text) < _MOST:
        raise ValueError(f"{text} is no number of nodes")

    return int(text)


def _required(value: Any) -> str:
    text = text_of(value)
    if text is None:
        raise ValueError("a name or the result is missing")

    return text


def _named(error: Exception) -> str:
    return one_line(f"{type(error).__name__}: {error}")
