"""Tiles of a scene: on the published grid, with a halo as large as what a pixel depends on."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.common.errors import UnusableInput
from workloads.slstr.model import STRIDE, build
from workloads.slstr.tiling import HALO, REACH, Tiling, require_usable_side

LENGTHS = st.integers(1, 700)
SIDES = st.none() | st.integers(13, 60).map(lambda number: STRIDE * number)


def published_left(length):
    """Padding before the first pixel of a scene in the published code."""
    tiles = -(-length // 176)
    return (tiles * 176 + 80 - length) // 2


@pytest.fixture(scope="module")
def spreading():
    """The network with weights above 0 and no biases: what is not 0 has spread from the input."""
    model = build()
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            layer.set_weights([np.full_like(kernel, 1 / kernel.shape[2]), 0 * bias])
    return keras.Model(model.input, model.get_layer("score").output)


def reached(spreading, axis, lit):
    """Where the score is not 0, by position, where the channels are 1 at those that are `lit`."""
    line = np.isin(np.arange(4 * HALO), lit).astype(np.float32)
    plane = np.repeat(np.expand_dims(line, 1 - axis), STRIDE, axis=1 - axis)
    channels = np.repeat(plane[None, ..., None], 9, axis=-1)
    scores = np.asarray(spreading(channels))[0, ..., 0].max(axis=1 - axis)
    return np.flatnonzero(scores)


@pytest.mark.parametrize("axis", [0, 1])
def test_the_reach_is_that_of_the_network(spreading, axis):
    begin, before = 2 * HALO, np.arange(4 * HALO)
    # A pixel at which the grid begins depends on REACH pixels before it, and on no other.
    assert begin in reached(spreading, axis, before[begin - REACH : begin - REACH + 1])
    assert reached(spreading, axis, before[: begin - REACH]).max() < begin
    # A pixel at which it ends, on as many behind it.
    end = begin - 1
    assert end in reached(spreading, axis, before[end + REACH : end + REACH + 1])
    assert reached(spreading, axis, before[end + REACH + 1 :]).min() > end


def test_a_full_scene_is_one_tile_with_the_smallest_padding():
    tiling = Tiling.of((1200, 1500), None)
    assert tiling.sides == (1296, 1600)
    assert tiling.counts == (1, 1)
    # It begins at 56 and 82 in the published code.
    assert tiling.first == (56 % STRIDE, 82 % STRIDE)


@given(LENGTHS, LENGTHS, SIDES)
def test_tiles_lie_on_the_published_grid_and_cover_the_scene(rows, columns, side):
    tiling = Tiling.of((rows, columns), side)
    for axis, length in enumerate((rows, columns)):
        first, core = tiling.first[axis], tiling.cores[axis]
        assert tiling.sides[axis] % STRIDE == 0
        assert side is None or tiling.sides[axis] <= side
        assert (first - published_left(length)) % STRIDE == 0
        assert 0 <= first < STRIDE
        covered = tiling.counts[axis] * core
        assert covered - core < first + length <= covered
        if side is None:
            assert covered - STRIDE < first + length


@given(st.integers(1, 150), st.integers(1, 150), st.none() | st.sampled_from([104, 120, 176]))
def test_cores_joined_are_the_scene_again(rows, columns, side):
    scene = np.random.default_rng(0).random((rows, columns, 9)).astype(np.float32)
    tiling = Tiling.of((rows, columns), side)
    padded = tiling.pad(scene)
    assert np.count_nonzero(~np.isnan(padded)) == scene.size
    tiles = list(tiling.tiles(padded))
    assert {tile.shape for tile in tiles} == {(1, *tiling.sides, 9)}
    cores = (tile[0, HALO:-HALO, HALO:-HALO, 0] for tile in tiles)
    np.testing.assert_array_equal(tiling.join(cores), scene[..., 0])


@pytest.mark.parametrize("side", [8, 96, 108])
def test_tiles_without_a_core_or_off_the_grid_are_refused(side):
    with pytest.raises(UnusableInput, match=rf"tiles of {side} pixels .* at least 104 \(--tile\)"):
        require_usable_side(side)


@pytest.mark.parametrize("side", [None, 104, 512])
def test_other_tiles_are_not_refused_and_have_a_core(side):
    require_usable_side(side)
    tiling = Tiling.of((700, 700), side)
    assert min(tiling.cores) >= STRIDE
    assert max(tiling.sides) <= (side or 1000)
