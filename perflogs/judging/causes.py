"""What changed on the system around a change of the figures: the candidate causes of it."""

import re
from collections.abc import Sequence

import polars as pl

from perflogs.history import EVENTS

# How far from the change that was found the true one may lie, in runs.
UNCERTAINTY = 2
# So many runs before a change say what was there already: nodes may differ for good.
_BEFORE = 10
# So many runs with each value say that it does not go to and fro: what came back was rolled back.
_STEADY = 3
_DIGEST = re.compile(r"(sha256:)?([0-9a-f]{12})[0-9a-f]{20,}")


def candidate_causes(runs: pl.DataFrame, numbers: Sequence[int], start: int) -> tuple[str, ...]:
    """What changed from run `numbers[start - 1]` to `numbers[start]`, as `driver 550.1 -> 560.2`.

    `runs` are all of the history, `numbers` those of a series, oldest first. Where there is none,
    the nearest ones within `UNCERTAINTY` runs. What a record does not say has not changed, nor has
    what was the same on some run shortly before: nodes that differ for good take turns. Only what
    was steady before and after has been rolled back."""
    for offset in sorted(range(-UNCERTAINTY, UNCERTAINTY + 1), key=abs):
        here = start + offset
        if 0 < here < len(numbers):
            before, after = numbers[max(here - _BEFORE, 0) : here], numbers[here : here + _STEADY]
            found = _events(runs, before, after)
            if found:
                return found

    return ()


def _events(runs: pl.DataFrame, before: Sequence[int], after: Sequence[int]) -> tuple[str, ...]:
    known, new = runs[list(before)], runs[list(after)]
    changed = [name for name in EVENTS if _has_changed(known[name].to_list(), new[name].to_list())]
    if "image_commit" in changed and new["image_commit"][0] == new["suite_commit"][0]:
        # Said once: an image is of the commit whose checks run it, unless another was allowed.
        changed.remove("image_commit")

    return tuple(
        f"{EVENTS[name]} {_short(known[name][-1])} -> {_short(new[name][0])}" for name in changed
    )


def _has_changed(known: list[str], new: list[str]) -> bool:
    old, now = known[-1], new[0]
    if not old or not now or old == now:
        return False

    rolled_back = set(known[-_STEADY:]) == {old} and set(new) == {now}
    return now not in known or rolled_back


def _short(text: str) -> str:
    return _DIGEST.sub(r"\1\2", text)
