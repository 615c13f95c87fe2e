"""Extracting the skylines of many photographs: read, compute and write at the same time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import RunFailed
from workloads.common.overlap import map_ahead
from workloads.common.pool import available_processors
from workloads.skyline.annotations import Skyline, read_annotation
from workloads.skyline.batching import batch_size, batches
from workloads.skyline.extraction import extract_skylines
from workloads.skyline.geometry import pad_sideways
from workloads.skyline.overlay import draw_skyline
from workloads.skyline.photographs import Photograph
from workloads.skyline.reading import BrokenPhotograph, Pixels, file_digest, read_photograph
from workloads.skyline.results import Result, read_result, write_picture, write_result
from workloads.skyline.scoring import Score, score

Infer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
Rows = NDArray[np.int64]

_USUAL_SIZE = (240, 320)
_READ_AHEAD = 4
# More would only hold more photographs in memory: computing is slower than eight readers.
_MOST_READERS = 8


@dataclass(frozen=True)
class Extraction:
    """How photographs are turned into results, and where those are written.

    `made_with` names the network and what else decides a result: where all of it is equal, and the
    photograph too, a result is kept. With `skip_broken` a broken photograph is passed over. With
    `annotated` every photograph has to have its annotation.
    """

    infer: Infer
    output: Path
    made_with: dict[str, Any]
    longest_side: int
    skip_broken: bool = False
    annotated: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one photograph: its result, and its score where it has been annotated.

    `computed` says whether that was now rather than in an earlier run. `result` is None where the
    photograph was passed over, for the `problem` that it has.
    """

    photograph: Photograph
    result: Result | None = None
    score: Score | None = None
    computed: bool = False
    problem: BrokenPhotograph | None = None


@dataclass(frozen=True)
class _Loaded:
    photograph: Photograph
    digest: str
    pixels: Pixels
    annotation: Skyline | None


def extract_all(extraction: Extraction, photographs: Sequence[Photograph]) -> Iterator[Outcome]:
    """Extract the skyline of each photograph and write it; yields what became of each, when done.

    Photographs of one size are computed together, so that outcomes may come in another order.
    Raises BrokenPhotograph, unless such are to be skipped, RunFailed where a
    map is not finite, UnusableInput where an annotation is missing, and OSError.
    """
    threads = min(_MOST_READERS, available_processors())
    with (
        closing(
            map_ahead(partial(_load, extraction), photographs, threads, threads + _READ_AHEAD)
        ) as read,
        closing(
            map_ahead(partial(_infer, extraction), batches(read, _size), threads=1, ahead=1)
        ) as computed,
    ):
        for batch, maps in computed:
            yield from _settled(batch)
            if loaded := [each for each in batch if isinstance(each, _Loaded)]:
                skylines = extract_skylines(maps, loaded[0].pixels.reduced.shape[1])
                for each, skyline in zip(loaded, skylines, strict=True):
                    yield _finish(extraction, each, skyline)


def warm_up(infer: Infer) -> None:
    """Let the network compute once, so that what happens only once is over when a clock starts."""
    blank = np.zeros((*_USUAL_SIZE, 3), np.uint8)
    infer(pad_sideways([blank] * batch_size(_USUAL_SIZE)))


def _size(each: _Loaded | Outcome) -> tuple[int, int] | None:
    """The size at which the network is to see a photograph; None where it need not."""
    if isinstance(each, Outcome):
        return None
    height, width, _ = each.pixels.reduced.shape
    return height, width


def _settled(batch: list[_Loaded | Outcome]) -> list[Outcome]:
    return [each for each in batch if isinstance(each, Outcome)]


def _infer(
    extraction: Extraction, batch: list[_Loaded | Outcome]
) -> tuple[list[_Loaded | Outcome], NDArray[np.float32]]:
    """The maps of a batch of photographs; none of those that need not be computed."""
    photographs = [each.pixels.reduced for each in batch if isinstance(each, _Loaded)]
    if not photographs:
        return batch, np.empty(0, np.float32)
    maps = extraction.infer(pad_sideways(photographs))
    if not np.isfinite(maps).all():
        raise RunFailed("the network's map of a photograph is not finite: train or export it again")
    return batch, maps


def _load(extraction: Extraction, photograph: Photograph) -> _Loaded | Outcome:
    """Read a photograph, unless its result is there already or it is broken and to be skipped."""
    try:
        digest = file_digest(photograph.path)
        known = read_result(extraction.output, photograph.name, digest, extraction.made_with)
        if known is not None:
            return _keep(extraction, photograph, known)
        pixels = read_photograph(photograph.path, extraction.longest_side)
        annotation = _annotation(extraction, photograph, pixels)
        return _Loaded(photograph, digest, pixels, annotation)
    except BrokenPhotograph as error:
        if not extraction.skip_broken:
            raise
        return Outcome(photograph, problem=error)


def _annotation(
    extraction: Extraction, photograph: Photograph, of: Pixels | Result
) -> Skyline | None:
    return read_annotation(photograph.annotation, of.width, of.height, extraction.annotated)


def _keep(extraction: Extraction, photograph: Photograph, result: Result) -> Outcome:
    """Score a result that was there already: it may have been annotated since."""
    annotation = _annotation(extraction, photograph, result)
    scored = None if annotation is None else score(result.skyline, annotation)
    write_result(extraction.output, photograph.name, result, scored)
    return Outcome(photograph, result, scored)


def _finish(extraction: Extraction, loaded: _Loaded, skyline: Rows) -> Outcome:
    """Write the picture, then the result: with that a photograph is done."""
    pixels, name = loaded.pixels, loaded.photograph.name
    picture = draw_skyline(pixels.reduced, skyline)
    own = enlarge(skyline, pixels.reduced.shape[0], pixels.width, pixels.height)
    result = Result(pixels.width, pixels.height, own, loaded.digest, extraction.made_with)
    scored = None if loaded.annotation is None else score(own, loaded.annotation)
    write_picture(extraction.output, name, picture)
    write_result(extraction.output, name, result, scored)
    return Outcome(loaded.photograph, result, scored, computed=True)


def enlarge(skyline: Rows, reduced_height: int, width: int, height: int) -> Rows:
    """The skyline (reduced width,) of a reduced photograph as that of one of `width` × `height`."""
    if (len(skyline), reduced_height) == (width, height):
        return skyline
    columns = (np.arange(width) + 0.5) * (len(skyline) / width) - 0.5
    rows = np.interp(columns, np.arange(len(skyline)), skyline) * (height / reduced_height)
    return np.clip(np.rint(rows), 0, height - 1).astype(np.int64)
