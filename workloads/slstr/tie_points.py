"""From tie points, of which there is one every 16 km across the track, to pixels.

Tie points and pixels are placed by the offsets of their grids: a grid's `start_offset` counts rows
from the start of the orbit, its `track_offset` columns from the left edge to the track, each in its
own resolution. Only differences of offsets mean anything.
"""

import numpy as np
from numpy.typing import NDArray

from workloads.slstr.product import RESOLUTION
from workloads.slstr.scene_reading import Offsets, Unreadable

Field = NDArray[np.float32]
# In tie points: nearly straight lines may be drawn out as far as to the next one.
_FURTHEST_OUTSIDE = 1.0


def interpolate(
    at_tie_points: NDArray[np.floating],
    tie_points: tuple[str, Offsets],
    pixels: tuple[str, Offsets],
    shape: tuple[int, int],
) -> Field:
    """A quantity at the pixels of a grid of this `shape`, linear between tie points.

    `at_tie_points` (rows, columns) may be NaN at both ends of a row, where it is drawn out in a
    straight line; a row without two neighbours that are not NaN stays NaN. `tie_points` and
    `pixels` are the names of the grids in RESOLUTION, and their offsets. Raises Unreadable where
    pixels lie further outside than the distance of two tie points.
    """
    known = _drawn_out(np.asarray(at_tie_points, np.float32))
    rows, columns = positions(tie_points, pixels, shape)
    first, weight = _bracket(rows, known.shape[0], "rows")
    along = known[first] + (known[first + 1] - known[first]) * weight[:, np.newaxis]
    first, weight = _bracket(columns, known.shape[1], "columns")
    left, right = (np.take(along, points, axis=1) for points in (first, first + 1))
    return left + (right - left) * weight


def positions(
    tie_points: tuple[str, Offsets], pixels: tuple[str, Offsets], shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where rows and columns of a grid of this `shape` lie, counted in tie points."""
    (tie_grid, tie), (grid, own) = tie_points, pixels
    across, along = (
        mine / theirs for mine, theirs in zip(RESOLUTION[grid], RESOLUTION[tie_grid], strict=True)
    )
    rows = (np.arange(shape[0], dtype=np.float64) + own.start) * along - tie.start
    columns = (np.arange(shape[1], dtype=np.float64) - own.track) * across + tie.track
    return rows, columns


def _bracket(
    places: NDArray[np.float64], tie_points: int, axis: str
) -> tuple[NDArray[np.int64], Field]:
    """The tie point before each place, and the share of the way from it to the next."""
    if tie_points < 2:
        raise Unreadable(f"there are no tie points to interpolate between along {axis}")
    furthest = tie_points - 1 + _FURTHEST_OUTSIDE
    if places[0] < -_FURTHEST_OUTSIDE or places[-1] > furthest:
        raise Unreadable(
            f"tie points do not cover the scene's {axis}: its offsets are those of another scene"
        )
    first = np.clip(np.floor(places).astype(np.int64), 0, tie_points - 2)
    return first, (places - first).astype(np.float32)


def _drawn_out(field: Field) -> Field:
    """`field` with the NaN at both ends of its rows replaced, from the middle outwards."""
    if not np.isnan(field).any():
        return field
    field = field.copy()
    columns = field.shape[1]
    for column in range(2, columns):
        _continue(field, column, column - 1, column - 2)
    for column in range(columns - 3, -1, -1):
        _continue(field, column, column + 1, column + 2)
    return field


def _continue(field: Field, column: int, neighbour: int, next_neighbour: int) -> None:
    unknown = np.isnan(field[:, column])
    line = 2 * field[unknown, neighbour] - field[unknown, next_neighbour]
    field[unknown, column] = line
