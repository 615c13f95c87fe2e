"""Where on a photograph the positions of the networks' map lie.

A position looks at a patch of 29×29 pixels, and neighbours are 4 pixels apart; it stands for the
pixel in the middle of its patch.
"""

import numpy as np
from numpy.typing import NDArray

from workloads.skyline.layout import PATCH_SIZE

STRIDE = 4
MARGIN = PATCH_SIZE // 2


def positions(pixels: int) -> int:
    """How many positions a side of so many pixels has."""
    return (pixels - PATCH_SIZE) // STRIDE + 1


def padded_width(width: int) -> int:
    """How wide a photograph has to be for its map to reach from its first column to its last."""
    return -(-(width - 1) // STRIDE) * STRIDE + PATCH_SIZE


def pad_sideways(photographs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Photographs of one size as a batch (n, height, padded width, 3): outer columns repeat.

    So the first column of the map stands for the first of the photograph. Without that the
    skyline of 14 columns on either side, a tenth of a photograph 320 pixels wide, would have to be
    guessed. Above and below nothing is added: no skyline is sought within 14 rows of the upper
    edge, and within 14 to 17 of the lower one, as the height leaves over.
    """
    height, width, channels = photographs[0].shape
    batch = np.empty((len(photographs), height, padded_width(width), channels), np.uint8)
    for padded, photograph in zip(batch, photographs, strict=True):
        padded[:, :MARGIN] = photograph[:, :1]
        padded[:, MARGIN : MARGIN + width] = photograph
        padded[:, MARGIN + width :] = photograph[:, -1:]
    return batch
