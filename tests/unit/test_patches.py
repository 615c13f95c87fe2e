"""Positives lie on the skyline, negatives keep their distance, colour alone tells neither."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from workloads.common.errors import UnusableInput
from workloads.skyline.landscape import draw_landscape
from workloads.skyline.layout import PATCH_SIZE
from workloads.skyline.patches import (
    MARGIN,
    NEAR,
    choose_negatives,
    choose_positives,
    cut_patches,
)

HEIGHT, WIDTH = 130, 150


@st.composite
def skylines(draw):
    """Rows with gentle slopes and with cliffs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = rng.integers(-3, 4, WIDTH) * rng.choice([1, 1, 1, 8], WIDTH)
    return np.clip(60 + np.cumsum(steps), 20, HEIGHT - 20)


def distance_to_skyline(skyline):
    """Per pixel, the distance to the closest terrain pixel that has sky above or beside it."""
    terrain = np.arange(HEIGHT)[:, None] >= skyline
    around = np.pad(terrain, 1, mode="edge")
    touches_sky = ~(around[:-2, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:])
    return ndimage.distance_transform_edt(~(terrain & touches_sky))


def assert_inside_and_distinct(centres, count):
    assert len({tuple(centre) for centre in centres.tolist()}) == len(centres) == count
    assert centres.min() >= MARGIN
    assert (centres < np.array([HEIGHT, WIDTH]) - MARGIN).all()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(skyline=skylines(), count=st.integers(0, WIDTH - 2 * MARGIN), seed=st.integers(0, 99))
def test_positives_are_distinct_skyline_pixels(skyline, count, seed):
    centres = choose_positives(skyline, HEIGHT, count, np.random.default_rng(seed))
    assert centres.shape == (count, 2)
    if count:
        assert_inside_and_distinct(centres, count)
    assert np.array_equal(centres[:, 0], skyline[centres[:, 1]])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(skyline=skylines(), count=st.integers(1, 400), seed=st.integers(0, 99))
def test_half_of_the_negatives_are_near_the_skyline_and_half_far(skyline, count, seed):
    centres = choose_negatives(skyline, HEIGHT, count, np.random.default_rng(seed))
    assert_inside_and_distinct(centres, count)
    distance = distance_to_skyline(skyline)[centres[:, 0], centres[:, 1]]
    near, far = distance[: count - count // 2], distance[count - count // 2 :]
    assert ((near >= NEAR[0]) & (near <= NEAR[1])).all()
    assert (far > NEAR[1]).all()


@settings(max_examples=5, deadline=None, derandomize=True)
@given(skyline=skylines())
def test_every_place_of_the_declared_distance_can_be_chosen(skyline):
    distance = distance_to_skyline(skyline)[MARGIN : HEIGHT - MARGIN, MARGIN : WIDTH - MARGIN]
    possible = ((distance >= NEAR[0]) & (distance <= NEAR[1])).sum()
    rng = np.random.default_rng(0)
    with pytest.raises(UnusableInput, match=f"room for {possible}:"):
        choose_negatives(skyline, HEIGHT, 2 * HEIGHT * WIDTH, rng)


def test_patches_are_the_pixels_around_their_centres_positives_first():
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    photograph = np.stack([row, column, np.zeros_like(row)], axis=2).astype(np.uint8)
    skyline = np.full(WIDTH, 60)
    patches, labels = cut_patches(photograph, skyline, 7, 5, np.random.default_rng(1))
    assert patches.shape == (12, PATCH_SIZE, PATCH_SIZE, 3)
    assert labels.tolist() == [1] * 7 + [0] * 5
    assert (patches[:7, MARGIN, MARGIN, 0] == 60).all()
    assert (patches[7:, MARGIN, MARGIN, 0] != 60).all()
    for patch in patches.astype(int):
        top, left = patch[0, 0, :2]
        window = photograph[top : top + PATCH_SIZE, left : left + PATCH_SIZE]
        assert np.array_equal(patch, window)


def test_more_positives_than_columns_are_refused_in_words():
    with pytest.raises(UnusableInput, match=r"on the skyline.*room for 122.*fewer patches"):
        choose_positives(np.full(WIDTH, 60), HEIGHT, 123, np.random.default_rng(0))


def colours(pixels):
    """Red, green, blue, grey, saturation and blue minus red of mean colours (patches, 3)."""
    red, green, blue = pixels.T
    saturation = (pixels.max(axis=1) - pixels.min(axis=1)) / np.maximum(pixels.max(axis=1), 1)
    return [red, green, blue, pixels.mean(axis=1), saturation, blue - red]


def best_threshold_accuracy(values, labels):
    """Of all rules `value above t` and `value below t`, the accuracy of the best."""
    ordered = labels[np.argsort(values, kind="stable")].astype(int)
    positives_below = np.concatenate([[0], np.cumsum(ordered)])
    negatives_below = np.concatenate([[0], np.cumsum(1 - ordered)])
    below = positives_below + (len(labels) - labels.sum()) - negatives_below
    return max(below.max(), len(labels) - below.min()) / len(labels)


def test_no_colour_threshold_comes_near_the_accuracy_of_a_network():
    parts = []
    for index in range(100):
        landscape = draw_landscape(21, index)
        rng = np.random.default_rng([21, index])
        parts.append(cut_patches(landscape.photograph, landscape.skyline, 20, 20, rng))
    patches = np.concatenate([part[0] for part in parts]).astype(np.float32)
    labels = np.concatenate([part[1] for part in parts])
    regions = [
        patches[:, MARGIN, MARGIN],
        patches.mean(axis=(1, 2)),
        patches[:, :MARGIN].mean(axis=(1, 2)),
        patches[:, MARGIN + 1 :].mean(axis=(1, 2)),
    ]
    accuracies = [
        best_threshold_accuracy(values, labels) for region in regions for values in colours(region)
    ]
    assert len(labels) == 4000
    assert 0.5 <= max(accuracies) < 0.8
