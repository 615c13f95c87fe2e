"""The histogram of satellite minus buoy, drawn as PNG: a stepped line for each group."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from workloads.common.writing import replacing
from workloads.slstr.sst import Comparison
from workloads.slstr.sst_report import LABELS

# Always the same bins, so that the pictures of two runs can be laid side by side. What thick cloud
# does to a temperature goes much further, and is counted in a line of text.
REACH = 5.0
EDGES = np.linspace(-REACH, REACH, 101)
_COLOURS = {"all": (90, 90, 90), "network": (0, 95, 200), "operational": (225, 110, 0)}
_INK, _GRID, _PAPER = (30, 30, 30), (225, 225, 225), (255, 255, 255)
_SIZE = (1040, 640)
# The frame of the plot: left, top, right, bottom. The legend stands above it.
_FRAME = (100, 110, 1000, 570)
_TEXT_SIZE, _LINE_HEIGHT, _LINE_WIDTH = 15, 22, 2
_MOST_TICKS = 6


def write_histogram(path: Path, comparison: Comparison) -> None:
    """Write the picture, whole or not at all."""
    with replacing(path) as temporary:
        draw_histogram(comparison).save(temporary, format="PNG", optimize=True)


def draw_histogram(comparison: Comparison) -> Image.Image:
    """Draw how many match-ups of each group differ by how much, in bins of 0.1 K up to 5 K."""
    counts = {group: np.histogram(values, EDGES)[0] for group, values in comparison.values.items()}
    most = max(1, *(int(count.max()) for count in counts.values()))
    step = tick_step(most)
    highest = step * -(-most // step)
    image = Image.new("RGB", _SIZE, _PAPER)
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(_TEXT_SIZE)
    _draw_axes(draw, step, highest)
    for group, count in counts.items():
        draw.line(_outline(count, highest), fill=_COLOURS[group], width=_LINE_WIDTH)
    _draw_legend(draw, comparison, counts)
    return image


def tick_step(largest: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50, ... that reaches `largest` in a few steps."""
    scale = 1
    while True:
        for step in (scale, 2 * scale, 5 * scale):
            if step * _MOST_TICKS >= largest:
                return step
        scale *= 10


def _across(kelvin: float) -> int:
    left, _, right, _ = _FRAME
    return round(left + (kelvin + REACH) / (2 * REACH) * (right - left))


def _up(count: float, highest: int) -> int:
    _, top, _, bottom = _FRAME
    return round(bottom - count / highest * (bottom - top))


def _outline(counts: NDArray[np.int64], highest: int) -> list[tuple[int, int]]:
    """The corners of the steps, from the axis at the left to the axis at the right."""
    across = np.repeat([_across(edge) for edge in EDGES], 2)
    up = [_up(count, highest) for count in (0, *np.repeat(counts, 2), 0)]
    return list(zip(across.tolist(), up, strict=True))


def _draw_axes(draw: ImageDraw.ImageDraw, step: int, highest: int) -> None:
    left, top, right, bottom = _FRAME
    for count in range(0, highest + 1, step):
        up = _up(count, highest)
        draw.line([(left - 6, up), (right, up)], fill=_GRID)
        draw.text((left - 10, up), f"{count:,}", fill=_INK, anchor="rm")
    for kelvin in range(-int(REACH), int(REACH) + 1):
        across = _across(kelvin)
        draw.line([(across, top), (across, bottom + 6)], fill=_GRID)
        draw.text((across, bottom + 10), f"{kelvin:+d}" if kelvin else "0", fill=_INK, anchor="mt")
    draw.rectangle(_FRAME, outline=_INK)
    middle = (left + right) // 2
    draw.text((middle, bottom + 38), "satellite minus buoy, K", fill=_INK, anchor="mt")
    draw.text((left - 10, top - 14), "match-ups", fill=_INK, anchor="rb")


def _draw_legend(
    draw: ImageDraw.ImageDraw, comparison: Comparison, counts: dict[str, NDArray[np.int64]]
) -> None:
    left, top = _FRAME[0] + 20, 28
    for line, (group, difference) in enumerate(comparison.differences.items()):
        up = top + line * _LINE_HEIGHT
        draw.line([(left, up), (left + 24, up)], fill=_COLOURS[group], width=_LINE_WIDTH)
        beyond = difference.number - int(counts[group].sum())
        said = (
            f"{LABELS[group]}: {difference.number:,}, median {difference.median:+.2f} K, "
            f"robust deviation {difference.robust_deviation:.2f} K; {beyond:,} beyond the picture"
        )
        draw.text((left + 32, up), said, fill=_INK, anchor="lm")
