"""From the map of a network to the skyline of a photograph: scores, interpolation, path."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from workloads.skyline.geometry import MARGIN, STRIDE
from workloads.skyline.path import best_paths

# Found on the training photographs of the smoke set; the testing ones had no part in it.
STEEPEST = 3
SMOOTHNESS = 0.1
SKY_WEIGHT = 0.1
SKY_GAP = 3
# So that no logarithm is infinite.
PROBABILITY_FLOOR = np.float32(1e-7)

Maps = NDArray[np.float32]
Rows = NDArray[np.int64]


def extract_skylines(maps: Maps, width: int) -> Rows:
    """The skylines (n, width) of photographs of that width: the first terrain row per column.

    `maps` (n, rows, columns, 2) are what a network says of the photographs padded sideways.
    """
    scores = interpolate(score_positions(maps), width)
    return best_paths(scores, STEEPEST, SMOOTHNESS) + MARGIN


def score_positions(maps: Maps) -> Maps:
    """How well each position (n, rows, columns) does as the first terrain of its column.

    The skyline is the first event from above, whose probability is that of the event times those
    of no event before (the hazard of survival analysis): p(i) Π_{k<i} (1 − p(k)). Its logarithm is
    weighed as a network needs it that has been trained on as many patches on the skyline as off
    it: the log-odds of the position, and a tenth of each log(1 − p) above, because what the
    network says of neighbours is far from independent. Those nearer than SKY_GAP positions do not
    count: their patches hold the skyline too. This keeps the path from ridges in front of others.
    """
    is_skyline = np.log(np.maximum(maps[..., 1], PROBABILITY_FLOOR))
    is_none = np.log(np.maximum(maps[..., 0], PROBABILITY_FLOOR))
    scores = is_skyline - is_none
    sky = np.cumsum(is_none[:, :-SKY_GAP], axis=1)
    scores[:, SKY_GAP:] += np.float32(SKY_WEIGHT) * sky
    return np.asarray(scores)


def interpolate(scores: Maps, width: int) -> Maps:
    """Scores (n, rows, columns) of positions as scores of pixels, (width, n, pixel rows).

    Cubic in both directions, for the skyline is to be found finer than the positions lie. The
    first row of the result stands for row MARGIN of the photograph.
    """
    maps, rows, columns = scores.shape
    tall = _cubic(rows, STRIDE * (rows - 1) + 1) @ scores.transpose(1, 0, 2).reshape(rows, -1)
    narrow = tall.reshape(-1, maps, columns).transpose(2, 1, 0).reshape(columns, -1)
    return np.asarray((_cubic(columns, width) @ narrow).reshape(width, maps, -1))


@lru_cache(maxsize=64)
def _cubic(positions: int, pixels: int) -> csr_array:
    """The matrix (pixels, positions) of cubic convolution; beyond the ends the last one repeats.

    Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions on
    Acoustics, Speech, and Signal Processing 29 (1981).
    """
    first, share = np.divmod(np.arange(pixels), STRIDE)
    x = share[:, None] / STRIDE + np.array([1.0, 0.0, -1.0, -2.0])
    near, far = np.abs(x) <= 1, np.abs(x) > 1
    x = np.abs(x)
    weights = near * (1.5 * x**3 - 2.5 * x**2 + 1) + far * (-0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)
    taps = np.clip(first[:, None] + np.arange(-1, 3), 0, positions - 1)
    rows = np.repeat(np.arange(pixels), 4)
    matrix = coo_array((weights.ravel(), (rows, taps.ravel())), shape=(pixels, positions))
    return csr_array(matrix, dtype=np.float32)
