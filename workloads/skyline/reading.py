"""Reading one photograph, in whatever format it is, at the size that the network is to see."""

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from workloads.common.errors import UnusableInput
from workloads.skyline.layout import PATCH_SIZE

# 12,000 by 8,000 pixels; decoded they take 288 MB.
MOST_PIXELS = 96_000_000
# Pillow knows more, and for some it starts programs; its JPEG reads MPO too.
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "JPEG2000")
_SIXTEEN_BITS = "I;16"
_LYING = range(5, 9)

# What Pillow warns of is either refused here, or did not keep it from reading the photograph.
warnings.filterwarnings("ignore", module=r"PIL\.")


class BrokenPhotograph(UnusableInput):
    """A photograph, or its annotation, that cannot be used; the message names the file."""


@dataclass(frozen=True)
class Pixels:
    """A photograph as it was read: RGB, uint8 (height, width, 3), at most as large as asked for.

    `width` and `height` are its own, in pixels, the right way up.
    """

    reduced: NDArray[np.uint8]
    width: int
    height: int


def file_digest(path: Path) -> str:
    """The sha256 of a file, in hex. Raises BrokenPhotograph where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BrokenPhotograph(f"{path} cannot be read: {error.strerror}") from None


def read_photograph(path: Path, longest_side: int) -> Pixels:
    """Read a photograph, the right way up, reduced to `longest_side` pixels where it is larger.

    Greys become RGB, 16 bits 8, transparency is ignored, and of several pictures in a file the
    first is taken. Raises BrokenPhotograph when it is none of FORMATS, damaged, too large to be
    decoded, or smaller than a patch.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _decode(image, path, longest_side)
    except (BrokenPhotograph, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise BrokenPhotograph(f"{path} is too large to be decoded: reduce it") from None
    # Pillow's decoders let any kind of error through that a damaged file leads them to.
    except Exception as error:
        raise BrokenPhotograph(
            f"{path} is not a readable photograph ({_reason(error, path)}): replace it, or give "
            "--skip-broken"
        ) from None


def _reason(error: Exception, path: Path) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.replace(f" {str(path)!r}", "")


def _decode(image: Image.Image, path: Path, longest_side: int) -> Pixels:
    own = image.size
    if own[0] * own[1] > MOST_PIXELS:
        raise BrokenPhotograph(
            f"{path} is too large to be decoded, {own[0]}x{own[1]} pixels: reduce it"
        )
    # A JPEG is decoded at a half, a quarter or an eighth of its size where that is enough.
    image.draft(None, (longest_side, longest_side))
    # Loading turns a TIFF, whose size is the right way up from the start.
    image.load()
    if image.getexif().get(ExifTags.Base.Orientation) in _LYING:
        own = own[1], own[0]
    upright = ImageOps.exif_transpose(image)
    size = _reduced_size(path, *own, longest_side)
    rgb = _to_rgb(upright)
    if rgb.size != size:
        rgb = rgb.resize(size, Image.Resampling.BOX)
    return Pixels(np.asarray(rgb), *own)


def _reduced_size(path: Path, width: int, height: int, longest_side: int) -> tuple[int, int]:
    if min(width, height) < PATCH_SIZE:
        raise BrokenPhotograph(
            f"{path} has {width}x{height} pixels: photographs need {PATCH_SIZE} or more each way"
        )
    share = min(1.0, longest_side / max(width, height))
    size = round(share * width), round(share * height)
    if min(size) < PATCH_SIZE:
        enough = -(-PATCH_SIZE * max(width, height) // min(width, height))
        raise BrokenPhotograph(
            f"{path} has {width}x{height} pixels, and {size[0]}x{size[1]} when reduced, less than "
            f"{PATCH_SIZE}: give --longest-side {enough} or more"
        )
    return size


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(_SIXTEEN_BITS):
        # Pillow would cut off what is brighter than 255.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in {"I", "F"}:
        raise ValueError("32 bits a pixel have no known range of brightness")
    return image.convert("RGB")
