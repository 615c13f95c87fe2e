"""The results of extraction on disk: NAME.json with the skyline, NAME.jpg with the line drawn."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.common.writing import replacing
from workloads.skyline.annotations import MADE_WITH, skyline_in
from workloads.skyline.reading import BrokenPhotograph
from workloads.skyline.scoring import NEAR_PIXELS, Score

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Result:
    """The skyline (width,) of a photograph of this size, and what tells whether it still holds.

    `made_with` is the network and the settings, `digest` the sha256 of the photograph's file.
    """

    width: int
    height: int
    skyline: Rows
    digest: str
    made_with: dict[str, Any]


def read_result(output: Path, name: str, digest: str, made_with: dict[str, Any]) -> Result | None:
    """The finished result of that photograph, made in that way; None where there is none."""
    path = output / f"{name}.json"
    try:
        content = json.loads(path.read_bytes())
        if content["photograph"] != digest or content[MADE_WITH] != made_with:
            return None
        width, height = content["width"], content["height"]
        rows = skyline_in(content, path, width, height)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, BrokenPhotograph):
        return None
    if not (output / f"{name}.jpg").is_file():
        return None
    return Result(width, height, rows.astype(np.int64), digest, made_with)


def write_result(output: Path, name: str, result: Result, score: Score | None) -> None:
    """Write NAME.json, whole or not at all; with its score where it has been annotated."""
    content = {
        "width": result.width,
        "height": result.height,
        "skyline": result.skyline.tolist(),
        "photograph": result.digest,
        MADE_WITH: result.made_with,
    }
    if score is not None:
        content["score"] = {
            "skyline_error": score.mean_absolute_error,
            f"columns_within_{NEAR_PIXELS}_pixels": score.share_near,
        }
    with replacing(output / f"{name}.json") as temporary:
        temporary.write_text(json.dumps(content, allow_nan=False) + "\n")


def write_picture(output: Path, name: str, encoded: bytes) -> None:
    """Write NAME.jpg, whole or not at all."""
    with replacing(output / f"{name}.jpg") as temporary:
        temporary.write_bytes(encoded)
