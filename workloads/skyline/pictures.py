"""Contact sheets for the documentation: `python -m workloads.skyline.pictures OUTPUT_DIR`."""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workloads.skyline.landscape import draw_landscape
from workloads.skyline.layout import PATCH_SIZE
from workloads.skyline.patches import cut_patches

_SEED = 2
_PHOTOGRAPHS = (3, 4)
_PATCHES = (6, 12)
_PATCH_ENLARGEMENT = 3
_SHEET_WIDTH = 1000
_GAP = 4
_SKYLINE_COLOUR = (255, 0, 60)

Picture = NDArray[np.uint8]


def photograph_sheet(seed: int) -> Picture:
    """Photographs with their annotated skyline drawn in."""
    rows, columns = _PHOTOGRAPHS
    pictures = []
    for index in range(rows * columns):
        landscape = draw_landscape(seed, index)
        picture = landscape.photograph.copy()
        for column, row in enumerate(landscape.skyline):
            picture[row - 1 : row + 1, column] = _SKYLINE_COLOUR
        pictures.append(picture)
    return _sheet(np.stack(pictures), columns)


def patch_sheet(seed: int) -> Picture:
    """Patches of as many photographs: the upper half on the skyline, the lower half off it."""
    rows, columns = _PATCHES
    half = rows * columns // 2
    kinds: tuple[list[Picture], list[Picture]] = ([], [])
    for index in range(half):
        landscape = draw_landscape(seed, index)
        rng = np.random.default_rng([seed, index])
        patches, _ = cut_patches(landscape.photograph, landscape.skyline, 1, 2, rng)
        kinds[0].append(patches[0])
        # The second patch is near the skyline and the third far from it.
        kinds[1].append(patches[1 + index % 2])
    sheet = _sheet(np.stack(kinds[0] + kinds[1]), columns)
    return sheet.repeat(_PATCH_ENLARGEMENT, axis=0).repeat(_PATCH_ENLARGEMENT, axis=1)


def extraction_sheet(folder: Path) -> Picture:
    """The first photographs in the --output of the stage `extract`, with their skylines drawn in.

    Raises ValueError where there are not enough of one size."""
    rows, columns = _PHOTOGRAPHS
    paths = sorted(folder.glob("*.jpg"))[: rows * columns]
    return _sheet(np.stack([np.asarray(Image.open(path)) for path in paths]), columns)


def _sheet(pictures: Picture, columns: int) -> Picture:
    count, height, width, _ = pictures.shape
    gap = _GAP if height > PATCH_SIZE else 1
    framed = np.pad(pictures, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=255)
    grid = framed.reshape(count // columns, columns, height + gap, width + gap, 3)
    sheet = grid.transpose(0, 2, 1, 3, 4).reshape(-1, columns * (width + gap), 3)
    return np.asarray(sheet[:-gap, :-gap])


def _save_small(sheet: Picture, path: Path) -> None:
    """Save a sheet of photographs in a third of the bytes: shrunk, in 256 colours."""
    image = Image.fromarray(sheet)
    height = round(image.height * _SHEET_WIDTH / image.width)
    image = image.resize((_SHEET_WIDTH, height), Image.Resampling.BOX)
    image.quantize(palette=image.quantize(256)).save(path, optimize=True)


def main() -> None:
    """Write photographs.png and patches.png, and skylines.png of extracted ones."""
    parser = argparse.ArgumentParser(
        prog="python -m workloads.skyline.pictures",
        description="Write contact sheets of synthetic photographs and patches, and of extracted "
        "skylines, as PNG.",
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR", help="folder for the pictures")
    parser.add_argument(
        "--extracted", type=Path, metavar="FOLDER", help="the --output of extract (default: none)"
    )
    parser.add_argument("--seed", type=int, default=_SEED, help="default: %(default)s")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    _save_small(photograph_sheet(arguments.seed), arguments.output / "photographs.png")
    patches = Image.fromarray(patch_sheet(arguments.seed))
    patches.save(arguments.output / "patches.png", optimize=True)
    if arguments.extracted is not None:
        _save_small(extraction_sheet(arguments.extracted), arguments.output / "skylines.png")


if __name__ == "__main__":
    main()
