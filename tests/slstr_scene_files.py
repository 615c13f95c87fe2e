"""Small scenes in the form of convert_hdf, and a network that nobody trained, for inference."""

from dataclasses import dataclass, replace

import keras
import numpy as np
from slstr_scenes import NAME

from workloads.slstr.model import NORMALISATION, build
from workloads.slstr.moments import moments_of
from workloads.slstr.networks import save_network
from workloads.slstr.product import UNFILLED
from workloads.slstr.scene_hdf import Converted, Settings, write_scene

NAMES = [NAME.replace("T101500_", f"T10{minute}00_") for minute in (15, 18, 21)]
SHAPES = [(100, 90), (72, 90), (100, 90)]
UNFILLED_COLUMNS = 7


@dataclass
class Scene:
    """What a scene's file holds: channels (9, rows, columns), and masks by name."""

    name: str
    channels: np.ndarray
    masks: dict


def make_scene(name, shape, seed, truth=True):
    """Random fields with clouds that are cold and bright; unfilled at the left."""
    rng = np.random.default_rng(seed)
    channels = rng.normal(0.3, 0.1, (9, *shape)).astype(np.float32)
    channels[6:] += 285
    cloud = np.kron(rng.random((12, 12)) < 0.5, np.ones((20, 20)))[: shape[0], : shape[1]]
    channels[:6] += 0.4 * cloud
    channels[6:] -= 20 * cloud
    channels[:, :, :UNFILLED_COLUMNS] = np.nan
    cloud = cloud.astype(np.uint8)
    cloud[:, :UNFILLED_COLUMNS] = UNFILLED
    flags = np.where((rng.random(shape) < 0.1) & (cloud != UNFILLED), 1 - cloud, cloud)
    masks = {"bayes": flags.astype(np.uint8), "summary": flags.astype(np.uint8)}
    return Scene(name, channels, masks | ({"truth": cloud} if truth else {}))


def write(folder, scene, packing="float32"):
    """Write a scene as convert_hdf does; return the path of its file."""
    moments = moments_of(list(scene.channels))
    converted = Converted(
        scene.name, "", True, scene.channels[6:], scene.channels[:6], scene.masks, {}, moments
    )
    return write_scene(folder, converted, Settings(packing, 32), f"source of {scene.name}")


def random_network(seed=1):
    """The network with random weights, biases too, whose normalisation is of such scenes.

    Its scores are shifted and scaled so that about half of the pixels are cloud.
    """
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(seed)
    model = build()
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, rng.normal(0, 0.1, bias.shape)])
    channels = make_scene(NAMES[0], (96, 96), seed).channels
    model.get_layer(NORMALISATION).set_moments(moments_of(list(channels)))
    head = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    probability = np.asarray(model(channels.transpose(1, 2, 0)[None]))
    scores = np.log(probability / (1 - probability))
    kernel, bias = head.get_weights()
    head.set_weights([kernel / scores.std(), (bias - np.median(scores)) / scores.std()])
    return model


def write_network(folder, seed=1):
    """Write a random network as train does; return the path of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    return save_network(folder, random_network(seed))


def without_truth(scene):
    """The same scene, of which nobody knows the truth."""
    return replace(scene, masks={n: m for n, m in scene.masks.items() if n != "truth"})
