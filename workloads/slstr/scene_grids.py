"""The four grids of a scene: how long they are, where they lie, and what their files say of it."""

import math
from typing import Any

import numpy as np

from workloads.slstr.orbit import EARTH_RADIUS, Angles, Pass
from workloads.slstr.product import RESOLUTION

TIE_STEP = 16


class SceneGrids:
    """The grids `in`, `an`, `tn` and `tx` of one pass.

    `length` are rows and columns, `track` the column of the ground track, `start` the number of
    the first row, counted from the equator.
    """

    def __init__(self, course: Pass) -> None:
        rows, columns = course.grid.rows, course.grid.columns
        # Two ties more than it takes to reach the wider side of the swath, and as many right.
        tie = math.ceil(course.centre / TIE_STEP) + 1
        first = round(course.angle % (2.0 * math.pi) * EARTH_RADIUS)
        self.length = {
            "in": (rows, columns),
            "an": (2 * rows, 2 * columns),
            "tn": (rows, 2 * tie + 2),
            "tx": (rows, 2 * tie + 2),
        }
        self.track = {"in": course.centre, "an": 2 * course.centre, "tn": tie, "tx": tie}
        self.start = {"in": first, "an": 2 * first, "tn": first, "tx": first}

    def attributes(self, grid: str) -> dict[str, Any]:
        """The global attributes that place a file's grid."""
        across, along = RESOLUTION[grid]
        attributes: dict[str, Any] = {
            "resolution": f"[ {across} {along} ]",
            "track_offset": np.int32(self.track[grid]),
            "start_offset": np.int32(self.start[grid]),
        }
        if grid in {"tn", "tx"}:
            attributes["ac_subsampling_factor"] = np.int32(TIE_STEP)
            attributes["al_subsampling_factor"] = np.int32(1)
        return attributes

    def positions(self, grid: str) -> tuple[Angles, Angles]:
        """Rows and columns of a grid's points, in pixels of the 1 km grid."""
        rows, columns = (np.arange(length, dtype=np.float64) for length in self.length[grid])
        across, along = RESOLUTION[grid]
        columns = (columns - self.track[grid]) * (across / 1000.0) + self.track["in"]
        return rows * (along / 1000.0), columns
