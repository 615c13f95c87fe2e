"""A photograph with its extracted skyline drawn in, as a JPEG."""

import numpy as np
import simplejpeg
from numpy.typing import NDArray

COLOUR = (255, 0, 60)
QUALITY = 85


def draw_skyline(photograph: NDArray[np.uint8], skyline: NDArray[np.int64]) -> bytes:
    """Draw the line from `skyline` (width,) on a photograph, uint8 (height, width, 3).

    In each column it reaches from its row halfway to those of its neighbours, so that it has no
    gaps where it is steep, and is two pixels thick.
    """
    beside = np.pad(skyline, 1, mode="edge")
    halfway = (beside[1:] + beside[:-1]) // 2
    upper = np.minimum(skyline, np.minimum(halfway[:-1], halfway[1:])) - 1
    lower = np.maximum(skyline, np.maximum(halfway[:-1], halfway[1:]))
    lengths = lower - upper + 1
    columns = np.repeat(np.arange(len(skyline)), lengths)
    down = np.arange(len(columns)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    picture = photograph.copy()
    picture[np.clip(upper[columns] + down, 0, len(picture) - 1), columns] = COLOUR
    return simplejpeg.encode_jpeg(picture, quality=QUALITY)
