"""Annotated skylines: a JSON file beside a photograph, with the row of each column's skyline."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput
from workloads.skyline.reading import BrokenPhotograph

Skyline = NDArray[np.float64]
# What a result has and an annotation has not: an extraction is not to be scored against itself.
MADE_WITH = "made_with"


def read_annotation(path: Path, width: int, height: int, required: bool = False) -> Skyline | None:
    """The annotated skyline (width,) of a photograph of that size; None where it has none.

    It has none where `path` is missing, or says nothing of a skyline, as what a gallery writes
    beside a photograph. Raises UnusableInput when one that is `required` is missing, and
    BrokenPhotograph when the file is no annotation, a result of extraction, or of another size.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        if required:
            raise UnusableInput(
                f"{path} is missing, the annotation of a testing photograph: the dataset is "
                "damaged; get it again"
            ) from None
        return None
    except (OSError, ValueError, RecursionError):
        content = None
    if isinstance(content, dict):
        if MADE_WITH in content:
            raise BrokenPhotograph(
                f"{path} is a result of extraction, not an annotation: move it away, or delete "
                f'"{MADE_WITH}" from it if you have corrected it'
            )
        if "skyline" not in content and not required:
            return None
    return skyline_in(content, path, width, height)


def skyline_in(content: Any, path: Path, width: int, height: int) -> Skyline:
    """The skyline (width,) in the content of a file `path`, for a photograph of that size.

    A row counts from the top, and is that of the first terrain pixel of its column; `height` says
    that there is none. Raises BrokenPhotograph when there is no such skyline.
    """
    if not isinstance(content, dict) or not isinstance(content.get("skyline"), list):
        raise BrokenPhotograph(
            f'{path} is not an annotation: expected {{"width", "height", "skyline": [row of each '
            "column]}; correct it, or move it away"
        )
    size = [content.get("width", width), content.get("height", height)]
    rows = content["skyline"]
    if size != [width, height] or len(rows) != width:
        raise BrokenPhotograph(
            f"{path} has {len(rows)} rows for {size[0]}x{size[1]} pixels, but its photograph has "
            f"{width}x{height}: correct it, or move it away"
        )
    for column, row in enumerate(rows):
        if not _is_row(row, height):
            raise BrokenPhotograph(
                f"{path} says {row!r} for column {column}: rows are from 0 to {height}"
            )
    return np.asarray(rows, np.float64)


def _is_row(value: Any, height: int) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and 0 <= value <= height
