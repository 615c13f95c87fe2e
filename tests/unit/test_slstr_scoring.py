"""Scores of cloud masks: counted over the pixels that are judged, and adding up over scenes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from workloads.slstr.product import UNFILLED
from workloads.slstr.scoring import Confusion, compare

SHAPE = (5, 7)
MASKS = arrays.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1]))
REFERENCES = arrays.arrays(np.uint8, SHAPE, elements=st.sampled_from([0, 1, UNFILLED]))


@given(MASKS, REFERENCES)
def test_scores_are_those_of_the_pixels_that_are_judged(mask, reference):
    pairs = [(m, r) for m, r in zip(mask.flat, reference.flat, strict=True) if r != UNFILLED]
    result = compare(mask, reference)
    assert result.pixels == len(pairs)
    if not pairs:
        return
    assert result.accuracy == pytest.approx(sum(m == r for m, r in pairs) / len(pairs))
    both = sum(m == r == 1 for m, r in pairs)
    either = sum(m == 1 or r == 1 for m, r in pairs)
    precision = both / max(sum(m == 1 for m, _ in pairs), 1)
    recall = both / max(sum(r == 1 for _, r in pairs), 1)
    assert result.iou == pytest.approx(both / either if either else 0.0)
    mean = 2 * precision * recall / (precision + recall) if both else 0.0
    assert result.f1 == pytest.approx(mean)


@given(MASKS, REFERENCES)
def test_scores_of_parts_add_up_to_those_of_the_whole(mask, reference):
    parts = compare(mask[:2], reference[:2]) + compare(mask[2:], reference[2:])
    assert parts == compare(mask, reference)


def test_a_mask_and_its_inverse_share_the_accuracy_between_them():
    mask = np.random.default_rng(0).integers(0, 2, (50, 50)).astype(np.uint8)
    reference = np.random.default_rng(1).integers(0, 2, (50, 50)).astype(np.uint8)
    right, wrong = compare(mask, reference), compare(1 - mask, reference)
    assert right.accuracy + wrong.accuracy == pytest.approx(1.0)


def test_where_there_is_nothing_to_compare_with_no_pixel_is_judged():
    mask = np.ones(SHAPE, np.uint8)
    assert compare(mask, None) == compare(mask, np.full(SHAPE, UNFILLED, np.uint8)) == Confusion()


def test_pixels_of_the_mask_that_are_unfilled_are_not_cloud():
    mask = np.full(SHAPE, UNFILLED, np.uint8)
    assert compare(mask, np.ones(SHAPE, np.uint8)).masked == 0
