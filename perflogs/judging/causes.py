"""What changed on the system around a change of the figures: the candidate causes of it."""

import re
from collections.abc import Sequence

import polars as pl

from perflogs.history import EVENTS

# How far from the change that was found the true one may lie, in runs.
UNCERTAINTY = 2
# So many runs before a change say what was there already: nodes may differ for good.
_BEFORE = 10
_DIGEST = re.compile(r"(sha256:)?([0-9a-f]{12})[0-9a-f]{20,}")


def candidate_causes(runs: pl.DataFrame, numbers: Sequence[int], start: int) -> tuple[str, ...]:
    """What changed from run `numbers[start - 1]` to `numbers[start]`, as `driver 550.1 -> 560.2`.

    `runs` are all of the history, `numbers` those of a series, oldest first. Where there is none,
    the nearest ones within `UNCERTAINTY` runs. What a record does not say has not changed, nor has
    what was the same on some run shortly before: nodes that differ for good take turns."""
    for offset in sorted(range(-UNCERTAINTY, UNCERTAINTY + 1), key=abs):
        here = start + offset
        if 0 < here < len(numbers):
            found = _events(runs, numbers[max(here - _BEFORE, 0) : here], numbers[here])
            if found:
                return found

    return ()


def _events(runs: pl.DataFrame, before: Sequence[int], after: int) -> tuple[str, ...]:
    columns = runs.select(list(EVENTS))
    known = [columns.row(int(number), named=True) for number in before]
    new = columns.row(int(after), named=True)
    return tuple(
        f"{word} {_short(known[-1][name])} -> {_short(new[name])}"
        for name, word in EVENTS.items()
        if known[-1][name] and new[name] and new[name] not in {each[name] for each in known}
    )


def _short(text: str) -> str:
    return _DIGEST.sub(r"\1\2", text)
