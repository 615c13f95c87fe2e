"""Masking the clouds of many scenes: read, compute and write at the same time."""

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import RunFailed
from workloads.common.overlap import map_ahead
from workloads.common.pool import available_processors
from workloads.slstr.folding import fold
from workloads.slstr.hdf_scenes import SceneFile, read_channels, read_mask
from workloads.slstr.predictions import Mask, Prediction, finished_prediction, write_prediction
from workloads.slstr.product import UNFILLED
from workloads.slstr.scoring import CLOUD, Confusion, compare
from workloads.slstr.tiling import HALO, Tiling

# From the channels of a tile (1, rows, columns, 9) to the probabilities of its core.
Infer = Callable[[NDArray[np.float32]], NDArray[np.float32]]

THRESHOLD = 0.5
# More would only hold more scenes in memory: HDF5 reads one at a time.
_MOST_READERS = 2


@dataclass(frozen=True)
class Inference:
    """How scenes are turned into predictions: `infers` computes, one for each device.

    `made_with` names the network and what else decides a prediction: where all of it is equal, and
    the scene's file too, a prediction in `output` is kept. `tile` is the side of tiles, None for
    whole scenes. With `measured_seconds` scenes are computed again and again for so long, and none
    is kept.
    """

    infers: Sequence[Infer]
    output: Path
    made_with: dict[str, Any]
    tile: int | None = None
    measured_seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a scene: how its mask compares with the flags `bayes` and with the `truth`.

    `computed` says whether that was now rather than in an earlier run.
    """

    computed: bool
    bayes: Confusion
    truth: Confusion


@dataclass(frozen=True)
class _Read:
    """A scene without a prediction: its flags, and its channels as `tiling` pads them."""

    scene: SceneFile
    bayes: Mask | None
    truth: Mask | None
    tiling: Tiling
    padded: NDArray[np.float32]


@dataclass(frozen=True)
class _Masked:
    """A scene's flags and its mask; the probability where that was computed now."""

    scene: SceneFile
    bayes: Mask | None
    truth: Mask | None
    mask: Mask
    probability: NDArray[np.float32] | None = None


def network_of_cores(model: keras.Model) -> keras.Model:
    """The network for inference on tiles: `model`, folded, and only what it says of the core."""
    return fold(model, HALO)


def infer_probability(
    infer: Infer, tiling: Tiling, padded: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The probability of cloud, float32 (rows, columns), of a scene that `tiling` has padded."""
    return tiling.join(infer(tile)[0, ..., 0] for tile in tiling.tiles(padded))


def mask_of(probability: NDArray[np.floating[Any]]) -> Mask:
    """The cloud mask at those probabilities: 1 where cloud is as likely as not, or more."""
    return (probability >= THRESHOLD).astype(np.uint8) * np.uint8(CLOUD)


def unfinished(inference: Inference, scenes: Sequence[SceneFile]) -> list[SceneFile]:
    """Those of `scenes` whose predictions are not there yet."""
    return [scene for scene in scenes if _finished_mask(inference, scene) is None]


def warm_up(inference: Inference, scenes: Sequence[SceneFile]) -> None:
    """Let every device compute once for each size of tile: what happens only once is over then."""
    tilings = {Tiling.of(scene.shape, inference.tile) for scene in scenes}
    for tile in {tiling.sides: tiling for tiling in tilings}.values():
        blank = tile.blank()
        blank[:] = 0.0
        for infer in inference.infers:
            infer(blank[None])


def repeated(scenes: Sequence[SceneFile], is_over: Callable[[], bool]) -> Iterator[SceneFile]:
    """All scenes once, and then from the first on until `is_over`."""
    yield from scenes
    for scene in itertools.cycle(scenes):
        if is_over():
            return
        yield scene


def infer_all(inference: Inference, scenes: Iterable[SceneFile]) -> Generator[Outcome, None, None]:
    """Make and write the prediction of each scene; yields what became of each, in order, when done.

    Raises RunFailed where a probability is not finite, UnusableInput where a scene's file cannot
    be read, and OSError.
    """
    idle: SimpleQueue[Infer] = SimpleQueue()
    for infer in inference.infers:
        idle.put(infer)
    readers, devices = min(_MOST_READERS, available_processors()), len(inference.infers)
    with (
        closing(map_ahead(partial(_load, inference), scenes, readers, readers)) as loaded,
        closing(map_ahead(partial(_compute, idle), loaded, devices, devices)) as computed,
        closing(map_ahead(partial(_finish, inference), computed, threads=1, ahead=1)) as outcomes,
    ):
        yield from outcomes


def _made_with(inference: Inference, scene: SceneFile) -> dict[str, Any]:
    return inference.made_with | {"source": scene.source, "packing": scene.packing}


def _finished_mask(inference: Inference, scene: SceneFile) -> Mask | None:
    if inference.measured_seconds is not None:
        return None
    mask = finished_prediction(inference.output, scene.name, _made_with(inference, scene))
    return mask if mask is not None and mask.shape == scene.shape else None


def _load(inference: Inference, scene: SceneFile) -> _Read | _Masked:
    """Read a scene, or its mask where that is there already."""
    bayes, truth = read_mask(scene, "bayes"), read_mask(scene, "truth")
    mask = _finished_mask(inference, scene)
    if mask is not None:
        return _Masked(scene, bayes, truth, mask)
    tiling = Tiling.of(scene.shape, inference.tile)
    frame = tiling.frame()
    read_channels(scene, frame.inside)
    return _Read(scene, bayes, truth, tiling, frame.padded)


def _compute(idle: "SimpleQueue[Infer]", loaded: _Read | _Masked) -> _Masked:
    """Mask a scene on the device that is idle, unless the mask is there already."""
    if isinstance(loaded, _Masked):
        return loaded
    infer = idle.get()
    try:
        probability = infer_probability(infer, loaded.tiling, loaded.padded)
    finally:
        idle.put(infer)
    if not np.isfinite(probability).all():
        raise RunFailed(
            f"the probability of cloud in {loaded.scene.name} is not finite: train again"
        )
    mask = mask_of(probability)
    return _Masked(loaded.scene, loaded.bayes, loaded.truth, mask, probability)


def _finish(inference: Inference, masked: _Masked) -> Outcome:
    """Write what was computed now, and score it."""
    if masked.probability is not None:
        mask, probability = masked.mask, masked.probability.astype(np.float16)
        if masked.bayes is not None:
            unfilled = masked.bayes == UNFILLED
            mask[unfilled], probability[unfilled] = UNFILLED, np.nan
        made_with = _made_with(inference, masked.scene)
        write_prediction(
            inference.output, Prediction(masked.scene.name, mask, probability, made_with)
        )
    return Outcome(
        masked.probability is not None,
        compare(masked.mask, masked.bayes),
        compare(masked.mask, masked.truth),
    )
