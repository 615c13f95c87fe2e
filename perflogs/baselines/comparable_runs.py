"""Which runs of a system its references are to fit."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from perflogs.history import SOUND


@dataclass(frozen=True)
class Case:
    """What references are found by: `keys` is all that those of the check are keyed by, and `name`
    the one that ReFrame shows."""

    partition: str
    check: str
    name: str
    keys: dict[str, Any]

    @property
    def place(self) -> str:
        """Name and partition, as they are shown."""
        return f"{self.name} @{self.partition}"

    @property
    def identity(self) -> tuple[str, str, str]:
        """The same for two cases that references do not tell apart."""
        return self.partition, self.check, json.dumps(self.keys, sort_keys=True)


@dataclass(frozen=True)
class LeftOut:
    """What nothing could be learnt of, and why; an empty `metric` stands for all of the case."""

    case: Case
    metric: str
    why: str


@dataclass(frozen=True)
class ComparableRuns:
    """Sound runs of one case whose figures are comparable: their numbers, in the order of time.

    `key` is what would have made them another series."""

    case: Case
    environ: str
    key: dict[str, Any]
    numbers: NDArray[np.uint32]
    last: date

    def differences(self, other: "ComparableRuns") -> str:
        """What tells them from others of the same case."""
        ours = {"environment": self.environ, "name": self.case.name, **self.key}
        theirs = {"environment": other.environ, "name": other.case.name, **other.key}
        said = [
            f"{key} is {theirs.get(key, 'none')} there, not {ours.get(key, 'none')}"
            for key in dict.fromkeys([*ours, *theirs])
            if ours.get(key) != theirs.get(key)
        ]
        return ", ".join(said)


def runs_to_fit(runs: pl.DataFrame) -> tuple[list[ComparableRuns], list[LeftOut]]:
    """Of each case those runs that its references are to fit, and which were left out.

    References do not tell everything apart that makes a new series, as a new version of a workload
    does: those with the newest night are chosen, and of several with the most runs."""
    by_case = sorted(_comparable(runs), key=lambda each: each.case.identity)
    newest = [
        max(alternatives, key=lambda each: (each.last, len(each.numbers)))
        for alternatives in _grouped(by_case)
    ]
    keyed_by = {
        (each.case.partition, each.case.check): set(each.case.keys)
        for each in sorted(newest, key=lambda each: each.last)
    }
    chosen: list[ComparableRuns] = []
    left_out: list[LeftOut] = []
    for best, alternatives in zip(newest, _grouped(by_case), strict=True):
        for each in alternatives:
            why = _complaint(each, best, keyed_by[each.case.partition, each.case.check])
            if why:
                left_out.append(LeftOut(each.case, "", why))
            else:
                chosen.append(each)

    return chosen, left_out


def _complaint(runs: ComparableRuns, best: ComparableRuns, keys: set[str]) -> str:
    if not runs.case.keys:
        return "its records do not say what references are keyed by (column reference_case)"

    if runs.case.keys.keys() != keys:
        return "its records are older than the keys that references of this check have now"

    return "" if runs is best else f"there are newer runs: {runs.differences(best)}"


def _grouped(runs: Sequence[ComparableRuns]) -> list[list[ComparableRuns]]:
    return [list(group) for _, group in groupby(runs, key=lambda each: each.case.identity)]


def _comparable(runs: pl.DataFrame) -> list[ComparableRuns]:
    sound = runs.filter(SOUND, pl.col("time").is_not_null(), ~pl.col("fixture"))
    grouped = sound.group_by("partition", "environ", "name", "key").agg(
        pl.col("check", "case").last(), pl.col("run").sort(), pl.col("night").max()
    )
    return [
        ComparableRuns(
            case=Case(row["partition"], row["check"], row["name"], json.loads(row["case"] or "{}")),
            environ=row["environ"],
            key=json.loads(row["key"] or "{}"),
            numbers=np.array(row["run"], dtype=np.uint32),
            last=row["night"],
        )
        for row in grouped.iter_rows(named=True)
    ]
