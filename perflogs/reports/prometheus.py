"""A verdict for Prometheus: a text file for the textfile collector of node_exporter."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from perflogs.judging.finding import (
    CHANGE,
    CLASSES,
    FAILURE,
    HARDWARE,
    IMPROVEMENT,
    NOT_RUN,
    NOT_SCHEDULED,
    REGRESSION,
    SUITE_ERROR,
    SUSPECT,
)
from perflogs.judging.verdict import Verdict

#: The classes that findings of a state may have.
_POSSIBLE = {
    REGRESSION: (REGRESSION, HARDWARE),
    SUSPECT: (REGRESSION, HARDWARE),
    FAILURE: CLASSES[1:],
    NOT_RUN: (NOT_SCHEDULED, SUITE_ERROR),
    IMPROVEMENT: ("",),
    CHANGE: ("",),
}
_Sample = tuple[dict[str, str], float]


def as_prometheus(verdict: Verdict) -> str:
    """Gauges: the latest value of each metric, findings by class and state, the ratio after to
    before of each regression, the age of the newest record, lines that cannot be read, and the exit
    code."""
    made = [] if verdict.newest is None else [verdict.newest.timestamp()]
    now = datetime.now(UTC).timestamp()
    ages: list[_Sample] = [({}, now - each) for each in made]
    times: list[_Sample] = [({}, each) for each in made]
    gauges: list[tuple[str, str, Iterable[_Sample]]] = [
        ("metric_value", "Latest sound value of a metric, in its unit.", _values(verdict)),
        ("findings", "Findings that stand, by class and state.", _findings(verdict)),
        ("regression_ratio", "Level after a regression, over the one before.", _ratios(verdict)),
        ("newest_record_age_seconds", "Age of the newest record when this was written.", ages),
        ("newest_record_timestamp_seconds", "When the newest record was made.", times),
        (
            "unreadable_lines",
            "Lines, sessions or files that cannot be read.",
            [({}, verdict.unreadable)],
        ),
        ("check_exit_code", "Exit code of `check`.", [({}, verdict.exit_code)]),
    ]
    return "".join(_gauge(*each) for each in gauges)


def _gauge(name: str, meaning: str, samples: Iterable[_Sample]) -> str:
    lines = [f"# HELP trigpoint_{name} {meaning}", f"# TYPE trigpoint_{name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        shown = f"{{{inside}}}" if inside else ""
        lines.append(f"trigpoint_{name}{shown} {value!r}")

    return "\n".join(lines) + "\n"


def _values(verdict: Verdict) -> Iterator[_Sample]:
    # A set of labels may be there once only: of several series of a metric, the latest has it.
    latest: dict[tuple[tuple[str, str], ...], tuple[int, float]] = {}
    for series in (*(each for each, _ in verdict.judged), *verdict.young):
        labels = {
            "system": series.system,
            "partition": series.partition,
            "environ": series.environ,
            "test": series.name,
            "metric": series.metric,
            "unit": series.unit,
        }
        key = tuple(labels.items())
        newest = int(series.runs[-1]), float(series.values[-1])
        latest[key] = max(latest.get(key, newest), newest)

    for key, (_, value) in latest.items():
        yield dict(key), value


def _findings(verdict: Verdict) -> Iterator[_Sample]:
    counts = Counter(
        (each.category, each.state, bool(each.acknowledged)) for each in verdict.findings
    )
    # An alarm ends when its count is 0, not when it is gone.
    for state, categories in _POSSIBLE.items():
        for category in categories:
            for known in (False, True):
                labels = {
                    "class": category,
                    "state": state,
                    "acknowledged": str(known).lower(),
                }
                yield labels, counts[category, state, known]


def _ratios(verdict: Verdict) -> Iterator[_Sample]:
    for each in verdict.findings:
        measured = each.measured
        if each.state == REGRESSION and measured is not None and measured.before != 0:
            ratio = measured.after / measured.before
            labels = {
                "finding": each.identity,
                "class": each.category,
                "system": each.system,
                "partition": each.partition,
                "test": each.name,
                "metric": measured.metric,
                "acknowledged": str(each.acknowledged is not None).lower(),
            }
            if math.isfinite(ratio):
                yield labels, ratio


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
