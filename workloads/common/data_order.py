"""The order of data: the same batches for the same seed, whatever the number of ranks.

Samples fall into 32 virtual shards. A rank owns a run of shards, and reads and caches only those.
Every global batch takes 1/32 of itself from each shard, so that the set of samples in batch b of
epoch e depends on the seed alone, and R = 1…32 ranks see the same batches. Smaller batches have
fewer shards, for fewer ranks. Augmentation draws stateless random bits keyed by seed, epoch and
sample, for the same reason.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from workloads.common.errors import UnusableInput

SHARDS = 32

# What a random stream is for: keeps streams of the same seed apart.
_ASSIGNMENT, _SHUFFLE = 1, 2


@dataclass(frozen=True)
class Dealing:
    """How samples fall into virtual shards.

    By a `seed`, each on its own; or, with None, in `shards` runs of neighbours: patches of one
    scene then come to one rank, or to two.
    """

    seed: int | None
    shards: int = SHARDS

    def members(self, samples: int) -> list[NDArray[np.int64]]:
        """The samples of each shard, in ascending order; sizes differ by one at most."""
        if self.seed is None:
            return np.array_split(np.arange(samples), self.shards)
        order = np.random.default_rng([self.seed, _ASSIGNMENT]).permutation(samples)
        return [np.sort(order[shard :: self.shards]) for shard in range(self.shards)]


def most_shards(global_batch: int) -> int:
    """The largest number of shards, up to 32, of which a batch takes the same from each."""
    return math.gcd(global_batch, SHARDS)


def owned_shards(rank: int, ranks: int, shards: int = SHARDS) -> range:
    """The shards that `rank` of `ranks` owns; with 1, 2, 4, 8, 16 or 32 ranks, 32/ranks each."""
    if not 0 <= rank < ranks <= shards:
        raise UnusableInput(
            f"rank {rank} of {ranks}: data is dealt to 1 to {shards} ranks; use fewer processes"
        )
    return range(rank * shards // ranks, (rank + 1) * shards // ranks)


def steps_per_epoch(samples: int, global_batch: int, shards: int = SHARDS) -> int:
    """Whole global batches in an epoch.

    Raises UnusableInput when a batch cannot take the same number of samples from every shard, or
    when there are too few samples for one batch.
    """
    if global_batch % shards or global_batch < shards:
        raise UnusableInput(f"global batch {global_batch}: choose a multiple of {shards}")
    steps = (samples // shards) // (global_batch // shards)
    if steps == 0:
        raise UnusableInput(
            f"{samples} samples do not fill one batch of {global_batch}: "
            "use a larger dataset or a smaller batch"
        )
    return steps


@dataclass(frozen=True)
class Share:
    """The part of a split that one rank owns.

    Positions index the rank's own samples as they lie in its memory: shard after shard, each in
    ascending order. `owned` maps positions to the numbers of samples in the whole split.
    `dealing` says how the samples were dealt to shards, if not by the seed of the run.
    """

    samples: int
    seed: int
    rank: int = 0
    ranks: int = 1
    dealing: Dealing | None = None

    @property
    def shards(self) -> int:
        """How many shards there are in all."""
        return SHARDS if self.dealing is None else self.dealing.shards

    @property
    def owned_shards(self) -> range:
        """The shards that the rank owns."""
        return owned_shards(self.rank, self.ranks, self.shards)

    @cached_property
    def _members(self) -> list[NDArray[np.int64]]:
        members = (self.dealing or Dealing(self.seed)).members(self.samples)
        return [members[shard] for shard in self.owned_shards]

    @cached_property
    def owned(self) -> NDArray[np.int64]:
        """Numbers of the owned samples, shape (owned,)."""
        return np.concatenate(self._members)

    def epoch_positions(self, global_batch: int, epoch: int) -> NDArray[np.int32]:
        """The rank's part of every batch of an epoch, shape (steps, local batch), as positions."""
        steps = steps_per_epoch(self.samples, global_batch, self.shards)
        from_each = global_batch // self.shards
        columns, offset = [], 0
        for shard, members in zip(self.owned_shards, self._members, strict=True):
            generator = np.random.default_rng([self.seed, _SHUFFLE, epoch, shard])
            order = generator.permutation(len(members))[: steps * from_each]
            columns.append(offset + order.reshape(steps, from_each))
            offset += len(members)
        return np.concatenate(columns, axis=1).astype(np.int32)

    def evaluation_positions(
        self, global_batch: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Every owned sample once: positions and weights, each of shape (steps, local batch).

        The last batches are filled up with position 0 at weight 0. All ranks make the same number
        of steps, because they meet in collective operations.
        """
        local = max(1, global_batch // self.ranks)
        shards_each = -(-self.shards // self.ranks)
        most_samples = min(self.samples, shards_each * -(-self.samples // self.shards))
        steps = -(-most_samples // local)
        positions = np.zeros(steps * local, np.int32)
        weights = np.zeros(steps * local, np.float32)
        positions[: len(self.owned)] = np.arange(len(self.owned))
        weights[: len(self.owned)] = 1.0
        return positions.reshape(steps, local), weights.reshape(steps, local)


def random_bits(seed: int, epoch: int, samples: NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits for each sample, a function of seed, epoch and sample alone.

    The mixing is SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), applied once to each key.
    """
    state = np.zeros(samples.shape, np.uint64)
    for key in (np.uint64(seed), np.uint64(epoch), samples.astype(np.uint64)):
        state = _mix(state ^ key)
    return state


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        value = value + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
