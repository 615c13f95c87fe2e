"""Cuts both sides of a comparison into samples that may be compared with each other."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.fleet.cases import case_columns, place_and_name
from perflogs.history import SOUND, History
from perflogs.judging.fingerprints import SOFTWARE

#: Where these alone differ, figures are compared all the same, and the difference is said.
SAID = ("device_name", "container", "precision_used")


@dataclass(frozen=True)
class Sample:
    """The figures of one side. `nodes` (as `pearl:n1,n2`, or empty) and `software` are of each
    run."""

    values: NDArray[np.float64]
    nodes: tuple[str, ...]
    software: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """One metric of one case on both sides; `notes` say what differs that was not asked for.
    `same_key` tells that everything is the same that figures are comparable by."""

    place: str
    name: str
    metric: str
    unit: str
    better: str
    comparison: str
    a: Sample
    b: Sample
    same_key: bool = True
    notes: tuple[str, ...] = ()


@dataclass
class _Case:
    """One case of one side: samples by metric, and for each metric unit, better and comparison.

    `key` is what is not compared of what makes figures comparable, `is_whole` whether that is
    all."""

    key: dict[str, object]
    is_whole: bool
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    about: dict[str, tuple[str, str, str]] = field(default_factory=dict)


_Base = tuple[str, ...]


def pairs(
    history: History,
    a: pl.DataFrame,
    b: pl.DataFrame,
    compared: Iterable[str],
    metrics: set[str],
    explained: Collection[tuple[str, ...]] = (),
) -> tuple[list[Pair], list[str]]:
    """The pairs of samples from the runs of both sides, of these metrics (of all, if none is
    named); then what could not be paired, in words, but for cases that are `explained` elsewhere.

    Cases are the same that agree in all but what is compared. Those that differ in the device,
    container or precision used alone are paired as well, with a note."""
    without = set(compared)
    base = case_columns(without)
    ours, theirs = (_cases(history, runs, base, without, metrics) for runs in (a, b))
    found: list[Pair] = []
    left: list[str] = []
    for where in sorted(ours.keys() | theirs.keys()):
        said = " ".join(where) if where else "all"
        if where not in ours or where not in theirs:
            if where not in explained:
                left.append(f"{said}: only in {'A' if where in ours else 'B'}")

            continue

        matched, unmatched = _match(ours[where], theirs[where])
        place, name = place_and_name(base, where)
        for one, other, notes in matched:
            same_key = not notes and one.is_whole and other.is_whole
            found += _pairs(place, name, one, other, same_key, notes)

        left += [f"{said}: {why}" for why in unmatched]

    return found, left


def _cases(
    history: History, runs: pl.DataFrame, base: list[str], without: set[str], metrics: set[str]
) -> dict[_Base, list[_Case]]:
    wanted = pl.col("value").is_finite()
    if metrics:
        wanted &= pl.col("metric").cast(pl.String).is_in(sorted(metrics))

    rows = (
        history.figures.lazy()
        .filter(wanted)
        .join(runs.lazy().filter(SOUND), on="run")
        .with_columns(
            nodes=pl.when(pl.col("nodes") != "")
            .then(pl.concat_str("system", "nodes", separator=":"))
            .otherwise(pl.lit("")),
            software=pl.concat_str(SOFTWARE, separator="\0"),
        )
        .sort("time", "run", nulls_last=False)
        .group_by(*base, "key", "metric", maintain_order=True)
        .agg("value", "nodes", "software", pl.col("unit", "better", "comparison").last())
        .with_columns(pl.col("metric", "unit", "better", "comparison").cast(pl.String))
        .collect()
    )
    found: dict[_Base, dict[str, _Case]] = defaultdict(dict)
    for row in rows.iter_rows(named=True):
        whole = json.loads(row["key"] or "{}")
        key = {name: value for name, value in whole.items() if name not in without}
        cases = found[tuple(str(row[name]) for name in base)]
        text, is_whole = json.dumps(key, sort_keys=True), len(key) == len(whole)
        case = cases.setdefault(text, _Case(key, is_whole))
        case.samples[row["metric"]].append(
            Sample(np.array(row["value"]), tuple(row["nodes"]), tuple(row["software"]))
        )
        case.about[row["metric"]] = (row["unit"], row["better"], row["comparison"])

    return {where: list(cases.values()) for where, cases in found.items()}


def _match(
    ours: list[_Case], theirs: list[_Case]
) -> tuple[list[tuple[_Case, _Case, tuple[str, ...]]], list[str]]:
    matched: list[tuple[_Case, _Case, tuple[str, ...]]] = [
        (one, other, ()) for one in ours for other in theirs if one.key == other.key
    ]
    paired = [id(case) for one, other, _ in matched for case in (one, other)]
    ours = [case for case in ours if id(case) not in paired]
    theirs = [case for case in theirs if id(case) not in paired]
    unmatched = []
    for one in ours:
        alike = [other for other in theirs if _without_said(one) == _without_said(other)]
        matched += [(one, other, tuple(_differences(one, other))) for other in alike]
        if not alike and theirs:
            unmatched.append(f"not comparable: {'; '.join(_differences(one, theirs[-1]))}")

    return matched, unmatched


def _without_said(case: _Case) -> dict[str, object]:
    return {name: value for name, value in case.key.items() if name not in SAID}


def _differences(one: _Case, other: _Case) -> Iterator[str]:
    for name in sorted(one.key.keys() | other.key.keys()):
        ours, theirs = one.key.get(name, "unknown"), other.key.get(name, "unknown")
        if ours != theirs:
            yield f"{name} {ours} -> {theirs}"


def _pairs(
    place: str, name: str, one: _Case, other: _Case, same_key: bool, notes: tuple[str, ...]
) -> Iterator[Pair]:
    for metric in sorted(one.samples.keys() & other.samples.keys()):
        a, b = _joined(one.samples[metric]), _joined(other.samples[metric])
        yield Pair(place, name, metric, *other.about[metric], a, b, same_key, notes)


def _joined(samples: list[Sample]) -> Sample:
    return Sample(
        np.concatenate([each.values for each in samples]),
        tuple(node for each in samples for node in each.nodes),
        tuple(software for each in samples for software in each.software),
    )
