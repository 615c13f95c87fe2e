"""Which 29x29 patches are cut from one photograph: on its skyline, near it and far from it."""

import math

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.skyline.layout import PATCH_SIZE

MARGIN = PATCH_SIZE // 2
NEAR = (5, 15)

Rows = NDArray[np.int64]
Centres = NDArray[np.int64]


def cut_patches(
    photograph: NDArray[np.uint8],
    skyline: Rows,
    positives: int,
    negatives: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Cut patches, uint8 (positives + negatives, 29, 29, 3), and their labels: 1 is skyline.

    Positives come first. No two share a centre. Raises UnusableInput where there are
    not so many.
    """
    height = photograph.shape[0]
    centres = np.concatenate(
        [
            choose_positives(skyline, height, positives, rng),
            choose_negatives(skyline, height, negatives, rng),
        ]
    )
    labels = np.repeat(np.array([1, 0], dtype=np.uint8), [positives, negatives])
    windows = np.lib.stride_tricks.sliding_window_view(
        photograph, (PATCH_SIZE, PATCH_SIZE), axis=(0, 1)
    )
    chosen = windows[centres[:, 0] - MARGIN, centres[:, 1] - MARGIN]
    return np.ascontiguousarray(chosen.transpose(0, 2, 3, 1)), labels


def choose_positives(skyline: Rows, height: int, count: int, rng: np.random.Generator) -> Centres:
    """Choose `count` centres (row, column) on the skyline whose patches lie in the photograph."""
    columns = np.arange(MARGIN, len(skyline) - MARGIN)
    rows = skyline[columns]
    columns = columns[(rows >= MARGIN) & (rows < height - MARGIN)]
    _require(count, len(columns), "on the skyline")
    chosen = rng.choice(columns, count, replace=False)
    return np.stack([skyline[chosen], chosen], axis=1)


def choose_negatives(skyline: Rows, height: int, count: int, rng: np.random.Generator) -> Centres:
    """Choose `count` centres (row, column) off the skyline, half of them near it.

    Near means a Euclidean distance from NEAR[0] to NEAR[1] pixels to the closest terrain pixel
    that has sky above or beside it, far a greater one; the odd one is near.
    """
    width = len(skyline)
    rows = np.arange(height)[:, None]
    inside = np.zeros((height, width), dtype=bool)
    inside[MARGIN : height - MARGIN, MARGIN : width - MARGIN] = True
    first, last = _within(skyline, NEAR[0] ** 2 - 1)
    too_close = (rows >= first) & (rows <= last)
    first, last = _within(skyline, NEAR[1] ** 2)
    near_or_closer = (rows >= first) & (rows <= last)
    near = inside & near_or_closer & ~too_close
    far = inside & ~near_or_closer
    return np.concatenate(
        [
            _choose(near, count - count // 2, "near the skyline", rng),
            _choose(far, count // 2, "far from the skyline", rng),
        ]
    )


def _within(skyline: Rows, squared_distance: int) -> tuple[Rows, Rows]:
    """First and last row per column (width,) whose squared distance to the skyline is no greater.

    The terrain pixels that touch sky form one vertical run per column, and the runs of neighbours
    touch: so the rows within reach of any of them are one interval, and its ends say it all.
    """
    beside = np.pad(skyline, 1, mode="edge")
    run_end = np.maximum(skyline, np.maximum(beside[:-2], beside[2:]) - 1)
    first, last = skyline.copy(), run_end.copy()
    width = len(skyline)
    for shift in range(math.isqrt(squared_distance) + 1):
        reach = math.isqrt(squared_distance - shift * shift)
        left, right = slice(0, width - shift), slice(shift, width)
        for here, there in ((left, right), (right, left)):
            first[here] = np.minimum(first[here], skyline[there] - reach)
            last[here] = np.maximum(last[here], run_end[there] + reach)
    return first, last


def _choose(
    allowed: NDArray[np.bool_], count: int, where: str, rng: np.random.Generator
) -> Centres:
    candidates = np.flatnonzero(allowed)
    _require(count, len(candidates), where)
    chosen = rng.choice(candidates, count, replace=False)
    return np.stack(np.unravel_index(chosen, allowed.shape), axis=1)


def _require(count: int, possible: int, where: str) -> None:
    if count > possible:
        raise UnusableInput(
            f"{count} patches {where} asked for, but a photograph has room for {possible}: "
            "ask for fewer patches, or more or larger photographs"
        )
