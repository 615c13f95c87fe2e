"""Scenes on their way to the devices: split by scene, cut into patches, dealt to the replicas."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workloads.common.data_order import Dealing, Share, most_shards
from workloads.common.devices import Devices
from workloads.common.errors import UnusableInput
from workloads.common.feeding import Kind, read_feed
from workloads.common.inputs import Feed
from workloads.slstr.hdf_scenes import SceneFile, dataset_digest
from workloads.slstr.model import STRIDE
from workloads.slstr.moments import Moments, pooled
from workloads.slstr.objective import BORDER
from workloads.slstr.patch_cache import PatchCache, on_disk, patch_bytes, require_memory
from workloads.slstr.patches import PatchReader, require_alike
from workloads.slstr.product import CHANNELS

TEST_SHARE = 0.2
_SPLIT_STREAM = 3


@dataclass(frozen=True)
class SplitScenes:
    """The scenes to train on, and those to test on, each in the order in which they are dealt."""

    training: list[SceneFile]
    testing: list[SceneFile]

    @property
    def digest(self) -> str:
        """The digest of all scenes; the split follows from the seed."""
        return dataset_digest([*self.training, *self.testing])

    @property
    def moments(self) -> Moments:
        """Those of the channels of the scenes to train on."""
        return pooled([scene.moments for scene in self.training])

    @property
    def patch_size(self) -> int:
        """The side of a patch in pixels. UnusableInput where the network cannot take it."""
        scene = self.training[0]
        if scene.patch_size % STRIDE or scene.patch_size <= 2 * BORDER:
            raise UnusableInput(
                f"{scene.path} has patches of {scene.patch_size} pixels: convert with a "
                f"--patch-size that is a multiple of {STRIDE} and more than {2 * BORDER}"
            )
        return scene.patch_size

    @property
    def packing(self) -> str:
        """The type of the channels in the files."""
        return self.training[0].packing


def split_scenes(scenes: list[SceneFile], seed: int) -> SplitScenes:
    """Four fifths of the scenes to train on, the rest, at least one, to test on; by `seed`.

    Scenes by night are shared out in proportion: they are few, and look otherwise. Raises
    UnusableInput where there are fewer than two.
    """
    if len(scenes) < 2:
        raise UnusableInput(f"{scenes[0].path} is the only scene: two or more are to be split")
    rng = np.random.default_rng([seed, _SPLIT_STREAM])
    shuffled = [scenes[index] for index in rng.permutation(len(scenes))]
    nights = [scene for scene in shuffled if not scene.by_day]
    days = [scene for scene in shuffled if scene.by_day]
    tested = max(1, round(TEST_SHARE * len(scenes)))
    dark = tested * len(nights) // len(scenes)
    chosen = {scene.name for scene in (*nights[:dark], *days[: tested - dark])}
    return SplitScenes(
        [scene for scene in shuffled if scene.name not in chosen],
        [scene for scene in shuffled if scene.name in chosen],
    )


@dataclass(frozen=True)
class Caching:
    """How patches are kept once they have been read: in "memory", on "disk" in `folder`, or not."""

    kind: str
    folder: Path

    def buffers(self, devices: Devices, size: int) -> Callable[[int], NDArray[np.uint8] | None]:
        """A function that makes a buffer of so many bytes; all together they will take `size`."""
        if self.kind == "memory":
            require_memory(devices, size)
            return lambda part: np.empty(part, np.uint8)
        if self.kind == "disk":
            return lambda part: on_disk(self.folder, part)
        return lambda _part: None


def open_feeds(
    devices: Devices, scenes: SplitScenes, seed: int, global_batch: int, caching: Caching
) -> tuple[Feed, Feed]:
    """The patches to train on and to test on. Raises UnusableInput and OSError."""
    # Patches of a scene stay neighbours, so that few ranks open its file.
    dealing = Dealing(None, most_shards(global_batch))
    # Of both together: they are read apart, and what is packed otherwise would be read wrongly.
    require_alike([*scenes.training, *scenes.testing])
    readers = [PatchReader(scenes.training), PatchReader(scenes.testing)]
    shares = [devices.shares(len(reader), seed, dealing) for reader in readers]
    owned = [sum(len(share.owned) for share in each) for each in shares]
    patch = patch_bytes(readers[0])
    buffer = caching.buffers(devices, patch * sum(owned))
    training, testing = (
        _feed(devices, reader, each, buffer) for reader, each in zip(readers, shares, strict=True)
    )
    return training, testing


def _feed(
    devices: Devices,
    reader: PatchReader,
    shares: list[Share],
    buffer: Callable[[int], NDArray[np.uint8] | None],
) -> Feed:
    size = patch_bytes(reader)
    caches = [PatchCache(reader, share.owned, buffer(size * len(share.owned))) for share in shares]
    side = reader.patch_size
    kinds = Kind(reader.dtype, (side, side, CHANNELS)), Kind(np.dtype(np.uint8), (side, side))
    return read_feed(devices, shares, lambda replica, at: caches[replica].read(at), kinds)
