"""The best line from the left to the right of a map of scores, by dynamic programming.

Lie, Lin, Lin and Hung, "A robust dynamic programming algorithm to extract skyline in images for
navigation", Pattern Recognition Letters 26 (2005), seek the skyline as the cheapest path through
a graph with one vertex per column; here its vertices have scores rather than being edges or not.
"""

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float32]
Rows = NDArray[np.int64]


def best_paths(scores: Scores, steepest: int, smoothness: float) -> Rows:
    """The best path through each map: `scores` (columns, n, rows) to rows (n, columns).

    A path has one row in each column. It maximises the sum of its scores less `smoothness` for
    every row by which it rises or falls, and from one column to the next it does so by at most
    `steepest` rows, one or more.
    """
    columns, maps, rows = scores.shape
    # What a path that ends in a row is worth. Maps lie one after another, with enough room between
    # them that no step leads from one to the next: there a path is worth nothing.
    worth = np.full((columns, maps, rows + 2 * steepest), -np.inf, np.float32)
    worth[:, :, steepest : steepest + rows] = scores
    flat = worth.reshape(columns, -1)
    for column in range(1, columns):
        best = flat[column - 1]
        for step in _steps(steepest):
            moved = np.maximum(best[2 * step :], best[: -2 * step])
            moved -= np.float32(smoothness * step)
            best = np.maximum(moved, best[step:-step], out=moved)
        flat[column, steepest:-steepest] += best
    return _trace_back(worth, steepest, smoothness)


def _steps(steepest: int) -> list[int]:
    """Steps that one after another, each up, down or not at all, lead to every row within reach."""
    steps: list[int] = []
    while sum(steps) < steepest:
        steps.append(min(sum(steps) + 1, steepest - sum(steps)))
    return steps


def _trace_back(worth: Scores, steepest: int, smoothness: float) -> Rows:
    """The rows (n, columns) of the paths of greatest `worth`, from their last column back."""
    columns, maps, _ = worth.shape
    window = np.arange(2 * steepest + 1)
    costs = np.asarray(smoothness * np.abs(window - steepest), np.float32)
    paths = np.empty((maps, columns), np.int64)
    each = np.arange(maps)[:, None]
    paths[:, -1] = worth[-1].argmax(axis=1) - steepest
    for column in range(columns - 2, -1, -1):
        reached = worth[column][each, paths[:, column + 1, None] + window] - costs
        paths[:, column] = paths[:, column + 1] + reached.argmax(axis=1) - steepest
    return paths
