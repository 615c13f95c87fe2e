"""From maps to skylines: geometry, scores, interpolation, the best path, and how far off it is."""

import itertools
import json

import keras
import numpy as np
import pytest
import simplejpeg
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workloads.common.errors import UnusableInput
from workloads.skyline import batching
from workloads.skyline.annotations import read_annotation
from workloads.skyline.batching import batch_size, batches
from workloads.skyline.extracting import enlarge
from workloads.skyline.extraction import extract_skylines, interpolate, score_positions
from workloads.skyline.geometry import MARGIN, STRIDE, pad_sideways, padded_width, positions
from workloads.skyline.layout import PATCH_SIZE
from workloads.skyline.model import MODEL_NAMES, build
from workloads.skyline.overlay import COLOUR, draw_skyline
from workloads.skyline.path import best_paths
from workloads.skyline.reading import BrokenPhotograph
from workloads.skyline.scoring import Score, score


def map_of(rows, height, width, sharpness=1.0):
    """What a network sure of itself would say of a photograph padded sideways: (1, r, c, 2)."""
    at_rows = MARGIN + STRIDE * np.arange(positions(height))
    at_columns = np.minimum(STRIDE * np.arange(positions(padded_width(width))), width - 1)
    distance = np.abs(at_rows[:, None] - np.asarray(rows)[at_columns])
    odds = sharpness * (6.0 - 1.5 * distance)
    skyline = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return np.stack([1 - skyline, skyline], axis=-1).astype(np.float32)[None]


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_a_position_of_every_network_looks_at_its_patch_and_at_nothing_else(name):
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    model = build(name)
    height, width = 53, 61
    image = tf.constant(np.random.default_rng(0).uniform(0, 255, (1, height, width, 3)), tf.float32)
    assert model(image).shape == (1, positions(height), positions(width), 2)
    scores = keras.Model(model.inputs, model.layers[-1].input)
    seen = np.zeros((height, width), bool)
    row, column = 2, 5
    with tf.GradientTape() as tape:
        tape.watch(image)
        value = tf.reduce_sum(scores(image)[0, row, column] * [1.0, -1.0])
    seen = np.any(tape.gradient(value, image)[0].numpy() != 0, axis=-1)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    first = (STRIDE * row, STRIDE * column)
    assert first[0] <= rows[0] <= rows[-1] < first[0] + PATCH_SIZE
    assert first[1] <= columns[0] <= columns[-1] < first[1] + PATCH_SIZE
    # Max-pooling looks away from some pixels, but not from a whole edge of the patch.
    assert rows[0] - first[0] <= 1
    assert first[1] + PATCH_SIZE - 1 - columns[-1] <= 1


@given(st.integers(1, 700))
def test_the_map_of_a_padded_photograph_reaches_from_its_first_column_to_its_last(width):
    last = STRIDE * (positions(padded_width(width)) - 1)
    assert width - 1 <= last < width - 1 + STRIDE


def test_padding_repeats_the_outer_columns_and_changes_nothing_else():
    photographs = [np.full((30, 33, 3), value, np.uint8) for value in (10, 20)]
    photographs[0][:, 0], photographs[0][:, -1] = 1, 2
    batch = pad_sideways(photographs)
    assert batch.shape == (2, 30, padded_width(33), 3)
    assert np.array_equal(batch[0, :, MARGIN : MARGIN + 33], photographs[0])
    assert np.all(batch[0, :, :MARGIN] == 1)
    assert np.all(batch[0, :, MARGIN + 33 :] == 2)
    assert np.all(batch[1] == 20)


def brute_force(scores, steepest, smoothness):
    columns, rows = scores.shape
    best = -np.inf
    for path in itertools.product(range(rows), repeat=columns):
        steps = np.abs(np.diff(path))
        if np.all(steps <= steepest):
            worth = scores[np.arange(columns), list(path)].sum() - smoothness * steps.sum()
            best = max(best, worth)
    return best


@given(
    arrays(
        np.int64,
        st.tuples(st.integers(1, 5), st.just(2), st.integers(1, 5)),
        elements=st.integers(-9, 9),
    ),
    st.integers(1, 5),
    st.sampled_from([0.0, 0.5, 2.0]),
)
def test_no_path_is_better_and_none_leaves_the_map_or_is_too_steep(scores, steepest, smoothness):
    scores = scores.astype(np.float32)
    columns, maps, rows = scores.shape
    paths = best_paths(scores, steepest, smoothness)
    assert paths.shape == (maps, columns)
    assert paths.min() >= 0
    assert paths.max() < rows
    for number, path in enumerate(paths):
        steps = np.abs(np.diff(path))
        assert np.all(steps <= steepest)
        worth = scores[np.arange(columns), number, path].sum() - smoothness * steps.sum()
        assert worth == brute_force(scores[:, number], steepest, smoothness)


@pytest.mark.parametrize("steepest", [1, 2, 3, 4, 5, 7])
def test_every_row_costs_the_same_however_steep_a_path_is(steepest):
    scores = np.zeros((2, steepest, 12), np.float32)
    for drop in range(1, steepest + 1):
        # Falling so far is worth half a row's cost more than staying, or half a row's cost less.
        scores[0, drop - 1, 0] = 100
        scores[1, drop - 1, drop] = drop + (0.5 if drop % 2 else -0.5)
    ends = best_paths(scores, steepest, 1.0)[:, 1]
    assert ends.tolist() == [drop if drop % 2 else 0 for drop in range(1, steepest + 1)]


def test_a_path_through_scores_that_say_nothing_is_straight():
    paths = best_paths(np.zeros((50, 3, 20), np.float32), 3, 0.1)
    assert np.all(paths == paths[:, :1])


@pytest.mark.parametrize(("height", "width"), [(240, 320), (320, 240), (640, 90), (61, 640)])
def test_a_drawn_line_is_recovered_to_the_pixel(height, width):
    rng = np.random.default_rng(height)
    rows = np.cumsum(rng.uniform(-0.8, 0.8, width))
    rows = np.rint(np.clip(height / 2 + rows, MARGIN, height - MARGIN - 3)).astype(int)
    skyline = extract_skylines(map_of(rows, height, width), width)[0]
    assert skyline.shape == (width,)
    assert np.abs(skyline - rows).mean() < 0.6
    assert np.abs(skyline - rows).max() <= 3


def test_a_steep_line_is_followed():
    rows = 60 + 2 * np.abs(np.arange(-80, 80) % 80 - 40)
    skyline = extract_skylines(map_of(rows, 240, 160), 160)[0]
    assert np.abs(skyline - rows).mean() < 1


@pytest.mark.parametrize("row", range(100, 105))
def test_a_level_line_between_two_positions_is_found_to_the_row(row):
    rows = np.full(160, row)
    assert np.abs(extract_skylines(map_of(rows, 240, 160), 160)[0] - row).max() <= 1


def test_a_map_shifted_by_one_position_gives_a_skyline_shifted_by_four_pixels():
    rows = np.full(160, 102)
    shifted = np.roll(map_of(rows, 240, 160), 1, axis=1)
    straight = extract_skylines(map_of(rows, 240, 160), 160)
    assert np.all(extract_skylines(shifted, 160) - straight == STRIDE)


def test_maps_of_a_batch_do_not_mix():
    lines = [np.full(64, row) for row in (40, 90, 60)]
    maps = np.concatenate([map_of(rows, 120, 64) for rows in lines])
    alone = [extract_skylines(map_of(rows, 120, 64), 64)[0] for rows in lines]
    assert np.array_equal(extract_skylines(maps, 64), alone)


@pytest.mark.parametrize(("height", "width"), [(29, 29), (29, 400), (400, 29), (33, 37), (32, 64)])
def test_the_smallest_maps_give_a_row_for_every_column(height, width):
    maps = np.full((2, positions(height), positions(padded_width(width)), 2), 0.5, np.float32)
    skylines = extract_skylines(maps, width)
    assert skylines.shape == (2, width)
    assert skylines.min() >= MARGIN
    assert skylines.max() < height - MARGIN


def test_certainty_is_no_infinity():
    maps = np.zeros((1, 20, 20, 2), np.float32)
    maps[..., 0] = 1
    maps[0, 9, :] = (0, 1)
    assert np.all(np.isfinite(score_positions(maps)))
    assert np.abs(extract_skylines(maps, 70) - (MARGIN + 9 * STRIDE)).max() <= 1


def test_of_two_ridges_the_one_with_nothing_above_is_the_skyline():
    far, near = np.full(160, 80), np.full(160, 160)
    maps = np.maximum(map_of(far, 240, 160), map_of(near, 240, 160, sharpness=1.1))
    maps[..., 0] = 1 - maps[..., 1]
    assert np.abs(extract_skylines(maps, 160) - far).max() <= 1


def test_interpolation_keeps_what_the_positions_say_and_lies_between_neighbours():
    scores = np.random.default_rng(0).normal(size=(2, 7, 9, 1)).astype(np.float32)[..., 0]
    pixels = interpolate(scores, 33)
    assert pixels.shape == (33, 2, 25)
    assert np.allclose(pixels[::STRIDE, :, ::STRIDE], scores.transpose(2, 0, 1), atol=1e-5)
    ramp = np.broadcast_to(np.arange(7, dtype=np.float32)[:, None], (1, 7, 9))
    inner = interpolate(ramp, 33)[:, 0, STRIDE:-STRIDE]
    assert np.allclose(inner, np.arange(STRIDE, 21) / STRIDE, atol=1e-5)


SIZES = st.one_of(
    st.sampled_from([(29, 29), (240, 320), (480, 640), (640, 640)]),
    st.tuples(st.just(240), st.integers(200, 400)),
)


@given(st.lists(SIZES, max_size=200))
@example([(240, width) for width in range(200, 300)])
def test_batches_hold_every_photograph_once_in_one_size_and_few_wait(sizes):
    taken, given_out = [0], []

    def stream():
        for number, size in enumerate(sizes):
            taken[0] += 1
            yield number, size

    for batch in batches(stream(), lambda each: each[1]):
        size = batch[0][1]
        assert all(each[1] == size for each in batch)
        assert len(batch) <= batch_size(size)
        given_out += [number for number, _ in batch]
        waiting = set(range(taken[0])) - set(given_out)
        area = sum(sizes[number][0] * sizes[number][1] for number in waiting)
        assert area <= batching.MOST_WAITING_PIXELS
    assert sorted(given_out) == list(range(len(sizes)))


def test_batches_are_full_however_many_photographs_there_are():
    lengths = [len(batch) for batch in batches(range(403), lambda _each: (240, 320))]
    assert lengths == [8] * 50 + [3]


def test_what_has_no_size_waits_for_nothing():
    sizes = {0: (240, 320), 1: None, 2: (240, 320), 3: None}
    assert list(batches(range(4), sizes.get)) == [[1], [3], [0, 2]]


def test_a_batch_is_eight_photographs_of_the_usual_size_and_at_least_one():
    assert batch_size((240, 320)) == 8
    assert batch_size((4000, 4000)) == 1
    assert batch_size((29, 29)) == batching.MOST_IN_BATCH


@pytest.mark.parametrize("scale", [2, 3.5, 7])
def test_a_line_of_a_reduced_photograph_is_that_of_the_photograph(scale):
    width, height = round(160 * scale), round(120 * scale)
    edge = height * (0.4 + 0.2 * np.sin(np.arange(width) / width * 6))
    own = np.ceil(edge).astype(int)
    # A pixel is terrain where its middle is, in the photograph as in the reduced one.
    centres = ((np.arange(160) + 0.5) * scale - 0.5).astype(int)
    reduced = np.ceil((edge[centres] + 0.5) / scale - 0.5).astype(int)
    enlarged = enlarge(reduced, 120, width, height)
    assert enlarged.shape == (width,)
    assert np.abs((enlarged - own).mean()) < 0.1 * scale
    assert np.abs(enlarged - own).max() <= scale


def test_a_photograph_in_its_own_size_keeps_its_line_and_a_row_is_in_the_photograph():
    line = np.arange(30)
    assert enlarge(line, 50, 30, 50) is line
    assert enlarge(np.full(30, 49), 50, 300, 500).max() <= 499


def test_scores_add_up():
    one = score(np.array([10, 20, 30]), np.array([10.0, 23.0, 37.0]))
    assert one == Score(1, 3, 10.0, 2)
    assert one.mean_absolute_error == pytest.approx(10 / 3)
    assert one.share_near == pytest.approx(2 / 3)
    both = one + score(np.array([5]), np.array([7.0]))
    assert both == Score(2, 4, 12.0, 3)


def test_the_line_is_drawn_where_it_is_and_without_gaps():
    photograph = np.full((60, 40, 3), 128, np.uint8)
    skyline = np.array([30] * 20 + [10] * 10 + [0] * 5 + [59] * 5)
    picture = simplejpeg.decode_jpeg(draw_skyline(photograph, skyline))
    assert picture.shape == photograph.shape
    assert np.all(photograph == 128)
    drawn = np.abs(picture.astype(int) - np.array(COLOUR)).sum(axis=-1) < 150
    for column, row in enumerate(skyline):
        assert drawn[row, column]
    for column in range(39):
        reach = set(np.flatnonzero(drawn[:, column]))
        assert reach & {
            each + step for each in np.flatnonzero(drawn[:, column + 1]) for step in (-1, 0, 1)
        }
    assert not drawn[20:, 31:34].any()
    assert not drawn[:50, 36:].any()


def annotation(folder, content):
    path = folder / "a.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_an_annotation_is_read_and_a_missing_one_is_none(tmp_path):
    assert read_annotation(tmp_path / "none.json", 3, 50) is None
    path = annotation(tmp_path, {"width": 3, "height": 50, "skyline": [0, 12.5, 50], "by": "me"})
    assert read_annotation(path, 3, 50).tolist() == [0, 12.5, 50]


def test_what_a_gallery_writes_beside_a_photograph_is_none_unless_one_is_required(tmp_path):
    path = annotation(tmp_path, {"title": "Matterhorn", "width": 3})
    assert read_annotation(path, 3, 50) is None
    with pytest.raises(BrokenPhotograph, match=r"a\.json is not an annotation"):
        read_annotation(path, 3, 50, required=True)
    with pytest.raises(UnusableInput, match=r"none\.json is missing.* dataset is damaged"):
        read_annotation(tmp_path / "none.json", 3, 50, required=True)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1, 2, 3]",
        "null",
        "[" * 100_000,
        {"made_with": {}, "width": 3, "height": 50},
        {"made_with": {}, "photograph": "", "width": 3, "height": 50, "skyline": [1, 2, 3]},
        {"width": 3, "height": 50, "skyline": 3},
        {"width": 3, "height": 50, "skyline": [1, 2]},
        {"width": 3, "height": 50, "skyline": [1, 2, 3, 4]},
        {"width": 4, "height": 50, "skyline": [1, 2, 3]},
        {"width": 3, "height": 51, "skyline": [1, 2, 3]},
        {"width": 3, "height": 50, "skyline": [1, 2, "3"]},
        {"width": 3, "height": 50, "skyline": [1, 2, None]},
        {"width": 3, "height": 50, "skyline": [1, 2, True]},
        {"width": 3, "height": 50, "skyline": [1, 2, -1]},
        {"width": 3, "height": 50, "skyline": [1, 2, 51]},
        '{"width": 3, "height": 50, "skyline": [1, 2, NaN]}',
        '{"width": 3, "height": 50, "skyline": [1, 2, Infinity]}',
        '{"width": 3, "height": 50, "skyline": [1, 2, 1' + "0" * 400 + "]}",
    ],
)
def test_an_annotation_of_another_size_or_none_at_all_is_refused_by_name(tmp_path, content):
    path = annotation(tmp_path, content)
    with pytest.raises(BrokenPhotograph, match=r"a\.json"):
        read_annotation(path, 3, 50)
