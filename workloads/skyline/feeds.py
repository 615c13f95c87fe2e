"""Skyline data on its way to the devices, packed or as JPEG files: both give the same batches."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import h5py
import numpy as np
from numpy.typing import NDArray

from workloads.common.building import read_manifest
from workloads.common.data_order import Dealing, Share
from workloads.common.devices import Devices
from workloads.common.errors import UnusableInput
from workloads.common.feeding import jpeg_feed, memory_feed
from workloads.common.group.peers import together
from workloads.common.host_memory import aligned_empty
from workloads.common.inputs import Feed
from workloads.common.node_copies import on_every_node
from workloads.common.records import Recorder
from workloads.skyline.dataset import Location, layout_digest, to_stage
from workloads.skyline.layout import PATCH_SIZE, list_patches
from workloads.skyline.packing import INPUTS, TARGETS, shard_file


class Source(Protocol):
    """A dataset in one of its two forms."""

    digest: str

    def feed(self, devices: Devices, split: str) -> Feed:
        """A split of the dataset, ready for the devices."""


@contextlib.contextmanager
def opened_source(
    devices: Devices, location: Location, options: argparse.Namespace, recorder: Recorder
) -> Iterator[Source]:
    """Yield the dataset as `--pipeline` asks for it: packed shards, or JPEG files.

    With `--scratch` it is read from a copy on every node. Where one process cannot have it, the
    error is raised in all.
    """
    is_packed = options.pipeline == "packed"
    folder = together(devices, location.packed if is_packed else location.patches)
    recorder.provenance(staged=options.scratch is not None)
    with contextlib.ExitStack() as stack:
        if options.scratch is not None:
            dataset = together(devices, lambda: to_stage(folder))
            copies = on_every_node(devices, dataset, options.scratch, recorder)
            folder = stack.enter_context(copies)

        def open_folder() -> Source:
            if is_packed:
                return PackedSource(folder, options.seed)
            return FileSource(folder, options.seed, options.prefetch_to_device)

        yield together(devices, open_folder)


class PackedSource:
    """Packed shards: on the devices where they fit, else streamed from memory."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._seed = folder, seed
        self._manifest = read_manifest(folder) or {}
        self.digest = str(self._manifest["digest"])

    def feed(self, devices: Devices, split: str) -> Feed:
        """A split, read from the shards that this process's replicas own."""
        samples = sum(self._manifest["counts"][split].values())
        dealing = Dealing(int(self._manifest["seed"]))
        shares = devices.shares(samples, self._seed, dealing)
        columns = [_read_share(self._folder, split, share) for share in shares]
        return memory_feed(devices, shares, columns)


class FileSource:
    """JPEG files, read anew in every pass, as the published code does."""

    def __init__(self, root: Path, seed: int, prefetch_to_device: bool) -> None:
        self._root, self._seed, self._prefetch = root, seed, prefetch_to_device
        self.digest = layout_digest(root)

    def feed(self, devices: Devices, split: str) -> Feed:
        """A split, as the list of its files."""
        patches = list_patches(self._root, split)
        names = np.array([str(self._root / patch.name) for patch in patches], object)
        labels = np.array([patch.label for patch in patches], np.uint8)
        shares = devices.shares(len(patches), self._seed)
        shape = (PATCH_SIZE, PATCH_SIZE, 3)
        return jpeg_feed(devices, shares, names, labels, shape, self._prefetch)


def _read_share(folder: Path, split: str, share: Share) -> tuple[NDArray[Any], NDArray[Any]]:
    """Inputs and targets of a share's shards, shard after shard."""
    inputs = aligned_empty((len(share.owned), PATCH_SIZE, PATCH_SIZE, 3), np.uint8)
    targets = aligned_empty((len(share.owned),), np.uint8)
    first = 0
    for shard in share.owned_shards:
        path = shard_file(folder, split, shard)
        try:
            with h5py.File(path) as file:
                count = len(file[TARGETS])
                file[INPUTS].read_direct(inputs, dest_sel=np.s_[first : first + count])
                file[TARGETS].read_direct(targets, dest_sel=np.s_[first : first + count])
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise UnusableInput(
                f"{path} cannot be read ({error}): pack the dataset again"
            ) from None
        first += count
    if first != len(share.owned):
        raise UnusableInput(f"{folder} lacks samples of its manifest: pack the dataset again")
    return inputs, targets
