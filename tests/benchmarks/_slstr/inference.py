"""Inference: from a scene's file to its mask, the published way and the suite's."""

import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.table import Table

from tests.benchmarks._shared.machine import Cost, has_bfloat16
from tests.benchmarks._shared.rounds import Rounds
from tests.benchmarks._shared.verdicts import Verdict, at_least, at_most, proportion
from tests.benchmarks._slstr import published
from tests.benchmarks._slstr.published_inference import BORDER, CORE, Inference, predict_patches
from tests.benchmarks._slstr.scenes import SEED, Scenes
from tests.benchmarks._slstr.training import PRECISIONS, SCENES_OF_SUITE, Run
from workloads.common.construction import make_model
from workloads.common.devices import Devices
from workloads.common.inference import place_copies
from workloads.common.progress import Advance
from workloads.slstr import inferring
from workloads.slstr.hdf_scenes import SceneFile, find_scene_files, read_channels
from workloads.slstr.model import NORMALISATION, build
from workloads.slstr.tiling import REACH, Tiling

PUBLISHED = "published way"
LOAD, PREDICT, WRITE, SCORE = (
    f"its {each}" for each in ("loading", "predicting", "writing", "scoring")
)
FLOAT32, BFLOAT16 = PRECISIONS
# Seconds of a scene, as measured before.
NOTED = {PUBLISHED: 5.58, LOAD: 0.61, PREDICT: 4.04}
LEAST_RATIOS = {FLOAT32: 3.5, BFLOAT16: 6.0}
# Share of the pixels whose mask is not that of the published tiling.
MOST_DIFFERENT = {FLOAT32: 0.0, BFLOAT16: 0.001}
# So near to the seams of the published tiles the network would see further than these reach.
SEAM = REACH - BORDER
# A network that has learnt nothing is sure of no pixel, and any rounding would change its mask.
EPOCHS = 4


@dataclass
class Inferences(Rounds):
    """Rounds in scenes, and the share of pixels that a way masks otherwise than the published.

    In float32 those are judged that do not lie at the published tiles' seams; `at_seams` is the
    number of those that do.
    """

    different: dict[str, float] = field(default_factory=dict)
    at_seams: int = 0

    def verdicts(self) -> list[Verdict]:
        """Of every bound, after whether the published way is reproduced."""
        reproduced = [
            proportion(
                f"inference: the {PUBLISHED} takes {{}} times as long as {part}",
                self.ratio(part, PUBLISHED, "wall"),
                NOTED[PUBLISHED] / NOTED[part],
            )
            for part in (LOAD, PREDICT)
        ]
        judges = not any(verdict.refused for verdict in reproduced)
        seams = (
            f"inference: {FLOAT32}: {self.at_seams:,} pixels are masked otherwise within {SEAM} of "
            f"the seams of the published tiles, which drop {BORDER} where the network sees {REACH}"
        )
        verdicts = [*reproduced, Verdict(seams, None)]
        for way, least in LEAST_RATIOS.items():
            name = f"inference: {way}: "
            if way not in self.costs:
                verdicts.append(Verdict(f"{name}the processor has no arithmetic for it", None))
                continue
            ratio = self.ratio(way, PUBLISHED, "wall")
            aside = ", its seams aside" if way == FLOAT32 else ""
            share = f"a share of {{}} of pixels masked unlike by the published tiling{aside}"
            verdicts += [
                at_least(f"{name}{{}} times as fast as the {PUBLISHED}", ratio, least, judges),
                at_most(f"{name}{share}", self.different[way], MOST_DIFFERENT[way]),
            ]
        return verdicts

    def table(self) -> Table:
        """What a scene takes, way by way."""
        columns = ("wall s a scene", "CPU s a scene", "× published", "pixels that differ")
        table = Table("inference", *columns)
        for way in self.costs:
            table.add_row(
                way,
                f"{1 / self.rate(way, 'wall'):.3f}",
                f"{1 / self.rate(way, 'cpu'):.3f}",
                f"{self.ratio(way, PUBLISHED, 'wall'):.2f}",
                f"{self.different[way]:.5%}" if way in self.different else "",
            )
        return table


def measure(
    devices: Devices, scenes: Scenes, scratch: Path, rounds: int, advance: Advance
) -> Inferences:
    """Train a network a little, then let the ways take turns with it."""
    found = Inferences()
    files = find_scene_files(scenes.converted)
    ways = [FLOAT32, *([BFLOAT16] if has_bfloat16(devices) else [])]
    trained = _train(devices, scenes, PRECISIONS[ways[-1]])
    plain = _without_normalisation(trained)
    output = scratch / "predictions"
    infers = {way: _infer_of(devices, trained, PRECISIONS[way]) for way in ways}
    works = {
        way: partial(_infer_all, inferring.Inference([infer], output, {}), files)
        for way, infer in infers.items()
    }
    _compare(found, infers, trained, plain, files)
    [path] = scenes.published(1)
    single = Inference(plain, path, scratch / "published.h5")
    parts = {
        LOAD: single.load,
        PREDICT: single.predict,
        WRITE: single.write,
        SCORE: single.score,
    }
    for part in parts.values():
        part()
    found.done = dict.fromkeys((PUBLISHED, *parts), 1) | dict.fromkeys(works, len(files))
    for _ in range(rounds):
        found.turn(parts | works, tidy=lambda: shutil.rmtree(output, ignore_errors=True))
        last = [found.costs[part][-1] for part in parts]
        whole = Cost(sum(cost.wall for cost in last), sum(cost.cpu for cost in last))
        found.costs.setdefault(PUBLISHED, []).append(whole)
        advance(1)
    return found


def _train(devices: Devices, scenes: Scenes, precision: str) -> keras.Model:
    """The suite's network in float32, trained on some of the scenes."""
    run = Run(devices, scenes.converted, SCENES_OF_SUITE, precision)
    for _ in range(EPOCHS):
        run.epoch()
    run.close()
    model = make_model(devices, build, SEED, "float32")
    model.set_weights(run.stepper.model.get_weights())
    return model


def _without_normalisation(trained: keras.Model) -> keras.Model:
    """The published network with the same weights."""
    plain = published.network()
    layers = (layer for layer in trained.layers if layer.name != NORMALISATION)
    plain.set_weights([weight for layer in layers for weight in layer.get_weights()])
    return plain


def _infer_of(devices: Devices, trained: keras.Model, precision: str) -> inferring.Infer:
    model = make_model(devices, build, SEED, precision)
    model.set_weights(trained.get_weights())
    [copy] = place_copies(devices, lambda: inferring.network_of_cores(model))
    return copy.infer


def _infer_all(inference: inferring.Inference, files: Sequence[SceneFile]) -> None:
    deque(inferring.infer_all(inference, files), maxlen=0)


def _compare(
    found: Inferences,
    infers: Mapping[str, inferring.Infer],
    trained: keras.Model,
    plain: keras.Model,
    files: Sequence[SceneFile],
) -> None:
    """Note how each way's masks differ from those of the published tiling."""
    expected = [_published_mask(trained, plain, scene) for scene in files]
    seams = np.array([_at_seams(scene.shape) for scene in files])
    for way, infer in infers.items():
        masks = [_mask(infer, scene) for scene in files]
        differs = np.not_equal(masks, expected)
        if way == FLOAT32:
            found.at_seams = int(np.count_nonzero(differs & seams))
            differs = differs[~seams]
        found.different[way] = float(np.mean(differs))


def _at_seams(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels (rows, columns) of a scene lie at the edges of the published tiles' cores."""
    near = []
    for length in shape:
        first = -length % CORE // 2
        within = (np.arange(length) + first) % CORE
        near.append((within < SEAM) | (within >= CORE - SEAM))
    return near[0][:, None] | near[1]


def _published_mask(
    trained: keras.Model, plain: keras.Model, scene: SceneFile
) -> NDArray[np.uint8]:
    """The mask by the published tiling of a scene that is normalised as the suite does it."""
    normal = trained.get_layer(NORMALISATION)(tf.constant(read_channels(scene)))
    patches = published.cut(normal, CORE, "SAME")
    return inferring.mask_of(predict_patches(plain, patches, scene.shape))


def _mask(infer: inferring.Infer, scene: SceneFile) -> NDArray[np.uint8]:
    tiling = Tiling.of(scene.shape, None)
    padded = tiling.pad(read_channels(scene))
    return inferring.mask_of(inferring.infer_probability(infer, tiling, padded))
