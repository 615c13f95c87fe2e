"""Decoding one patch, with an error that names the file."""

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.skyline.layout import PATCH_SIZE


class BrokenPatch(UnusableInput):
    """A file that is not a JPEG of 29×29 pixels."""


def decode_patch(name: str, content: bytes) -> NDArray[np.uint8]:
    """Decode a JPEG to RGB, uint8, shape (29, 29, 3). Raises BrokenPatch naming the file."""
    try:
        patch = simplejpeg.decode_jpeg(content)
    except ValueError as error:
        raise BrokenPatch(
            f"{name} is not a readable JPEG ({error}): replace it, or give --skip-broken to pack"
        ) from None
    if patch.shape != (PATCH_SIZE, PATCH_SIZE, 3):
        height, width = patch.shape[:2]
        raise BrokenPatch(
            f"{name} has {width}x{height} pixels, not {PATCH_SIZE}x{PATCH_SIZE}: "
            "replace it, or give --skip-broken to pack"
        )
    return patch
