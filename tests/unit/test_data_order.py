"""The order of data: every sample once, and the same batches for any number of ranks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.common.data_order import (
    SHARDS,
    Dealing,
    Share,
    most_shards,
    owned_shards,
    random_bits,
    steps_per_epoch,
)
from workloads.common.errors import UnusableInput

seeds = st.integers(0, 2**32)


def global_batches(samples, batch, seed, epoch, ranks):
    """Each batch of an epoch as a sorted list of sample numbers, put together from all ranks."""
    parts = []
    for rank in range(ranks):
        share = Share(samples, seed, rank, ranks)
        parts.append(share.owned[share.epoch_positions(batch, epoch)])
    return np.sort(np.concatenate(parts, axis=1), axis=1)


@given(st.integers(1, 5000), seeds)
@settings(max_examples=30)
def test_every_sample_is_in_exactly_one_shard_and_shards_are_even(samples, seed):
    members = Dealing(seed).members(samples)
    assert sorted(np.concatenate(members).tolist()) == list(range(samples))
    assert max(map(len, members)) - min(map(len, members)) <= 1


@pytest.mark.parametrize("ranks", range(1, SHARDS + 1))
def test_every_shard_is_owned_by_exactly_one_rank(ranks):
    owned = [shard for rank in range(ranks) for shard in owned_shards(rank, ranks)]
    assert owned == list(range(SHARDS))


def test_ranks_that_divide_the_shards_own_equally_many():
    for ranks in (1, 2, 4, 8, 16, 32):
        assert {len(owned_shards(rank, ranks)) for rank in range(ranks)} == {SHARDS // ranks}


@given(
    samples=st.integers(64, 2000),
    multiple=st.integers(1, 2),
    seed=seeds,
    epoch=st.integers(0, 50),
    ranks=st.integers(1, SHARDS),
)
@settings(max_examples=40, deadline=None)
def test_any_number_of_ranks_sees_the_same_batches(samples, multiple, seed, epoch, ranks):
    batch = SHARDS * multiple
    one = global_batches(samples, batch, seed, epoch, 1)
    assert np.array_equal(one, global_batches(samples, batch, seed, epoch, ranks))


@given(samples=st.integers(64, 2000), seed=seeds)
@settings(max_examples=20)
def test_no_sample_comes_twice_in_an_epoch(samples, seed):
    batches = global_batches(samples, 64, seed, 0, 1)
    assert len(np.unique(batches)) == batches.size


@given(samples=st.integers(1, 500), shards=st.sampled_from([1, 2, 8, 32]))
def test_neighbours_stay_together_where_no_seed_deals_them(samples, shards):
    members = Dealing(None, shards).members(samples)
    assert np.concatenate(members).tolist() == list(range(samples))
    assert len(members) == shards
    assert max(map(len, members)) - min(map(len, members)) <= 1


@given(samples=st.integers(64, 500), batch=st.sampled_from([8, 12, 32, 96]), seed=seeds)
@settings(max_examples=40, deadline=None)
def test_batches_with_fewer_shards_are_the_same_for_any_number_of_ranks(samples, batch, seed):
    shards = most_shards(batch)
    assert batch % shards == 0
    dealing = Dealing(None, shards)
    one = Share(samples, seed, dealing=dealing)
    expected = np.sort(one.owned[one.epoch_positions(batch, 1)], axis=1)
    for ranks in {1, 2, shards} & set(range(shards + 1)):
        shares = [Share(samples, seed, rank, ranks, dealing) for rank in range(ranks)]
        parts = [share.owned[share.epoch_positions(batch, 1)] for share in shares]
        assert np.array_equal(np.sort(np.concatenate(parts, axis=1), axis=1), expected)
        weights = [share.evaluation_positions(batch)[1].sum() for share in shares]
        assert sum(weights) == samples


def test_shards_that_were_packed_with_another_seed_still_give_the_order_of_the_run():
    packed = Dealing(5).members(640)
    for rank in range(2):
        share = Share(640, 1, rank, 2, dealing=Dealing(5))
        assert np.array_equal(share.owned, np.concatenate(packed[16 * rank : 16 * rank + 16]))
    orders = [Share(640, seed, dealing=Dealing(5)).epoch_positions(64, 0) for seed in (1, 2)]
    assert not np.array_equal(*orders)


def test_epochs_and_seeds_differ_in_order():
    assert not np.array_equal(*(global_batches(640, 64, 1, epoch, 1) for epoch in (0, 1)))
    assert not np.array_equal(*(global_batches(640, 64, seed, 0, 1) for seed in (1, 2)))


def test_every_batch_takes_the_same_number_from_every_shard():
    members = Dealing(3).members(6400)
    shard_of = np.empty(6400, int)
    for shard, numbers in enumerate(members):
        shard_of[numbers] = shard
    for batch in global_batches(6400, 256, 3, 0, 1):
        assert np.array_equal(np.bincount(shard_of[batch], minlength=SHARDS), np.full(SHARDS, 8))


@given(
    samples=st.integers(1, 3000),
    batch=st.sampled_from([32, 64, 256]),
    ranks=st.integers(1, SHARDS),
    seed=seeds,
)
@settings(max_examples=40)
def test_evaluation_weighs_every_sample_once_and_ranks_make_equal_steps(
    samples, batch, ranks, seed
):
    seen, steps = np.zeros(samples), set()
    for rank in range(ranks):
        share = Share(samples, seed, rank, ranks)
        positions, weights = share.evaluation_positions(batch)
        steps.add(len(positions))
        used = weights > 0
        np.add.at(seen, share.owned[positions[used]], weights[used])
    assert len(steps) == 1
    assert np.array_equal(seen, np.ones(samples))


@given(seed=seeds, epoch=st.integers(0, 100))
def test_random_bits_depend_on_the_sample_not_on_its_place(seed, epoch):
    samples = np.arange(100)
    bits = random_bits(seed, epoch, samples)
    assert np.array_equal(random_bits(seed, epoch, samples[::-1]), bits[::-1])


def test_random_bits_are_fair_and_differ_between_epochs():
    samples = np.arange(100_000)
    first, second = (random_bits(1, epoch, samples) for epoch in (0, 1))
    for bit in (0, 33, 63):
        assert abs(((first >> np.uint64(bit)) & np.uint64(1)).mean() - 0.5) < 0.01
    assert ((first ^ second) & np.uint64(1)).mean() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("samples", "batch"), [(1000, 250), (1000, 16), (200, 256)])
def test_batches_that_cannot_be_dealt_are_refused(samples, batch):
    with pytest.raises(UnusableInput, match=r"multiple of 32|do not fill"):
        steps_per_epoch(samples, batch)


def test_more_ranks_than_shards_are_refused():
    with pytest.raises(UnusableInput, match="use fewer processes"):
        owned_shards(0, 33)
