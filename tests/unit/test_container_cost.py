"""What a container costs, in figures: ratios with intervals, who goes first, sizes, agreement."""

import math
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from workloads.common.errors import RunFailed, UnusableInput
from workloads.container.agreement import CONDITIONS, require_same, results
from workloads.container.children import last_words
from workloads.container.interleaving import interleaved
from workloads.container.ratios import paired_ratio
from workloads.container.sizes import image_bytes
from workloads.container.told import Told, told
from workloads.container.trainings import TRAININGS, Places

SPEEDS = st.floats(1e-3, 1e6)
PAIRS = st.lists(st.tuples(SPEEDS, SPEEDS), min_size=2, max_size=12)


def ratio_of(pairs):
    return paired_ratio(*zip(*pairs, strict=True))


def ends(ratio):
    return [ratio.low, ratio.value, ratio.high]


@given(PAIRS, st.floats(1e-3, 1e3))
def test_scaling_both_series_changes_nothing(pairs, factor):
    scaled = ratio_of([(a * factor, b * factor) for a, b in pairs])
    assert np.log(ends(scaled)) == pytest.approx(np.log(ends(ratio_of(pairs))), abs=1e-6)


@given(PAIRS)
def test_exchanging_the_series_gives_the_reciprocal(pairs):
    exchanged = ratio_of([(b, a) for a, b in pairs])
    logarithms = np.log(ends(ratio_of(pairs)))
    assert -np.log(ends(exchanged))[::-1] == pytest.approx(logarithms, abs=1e-6)


@given(st.lists(SPEEDS, min_size=2, max_size=12))
def test_equal_series_have_a_ratio_of_exactly_one(series):
    assert ends(paired_ratio(series, series)) == [1, 1, 1]


@given(PAIRS, st.floats(0.5, 2))
def test_a_slower_side_is_slower_by_that_factor(pairs, factor):
    slower = ratio_of([(a, b * factor) for a, b in pairs])
    difference = np.log(ends(slower)) - np.log(ends(ratio_of(pairs)))
    assert difference == pytest.approx([math.log(factor)] * 3, abs=1e-6)


@given(PAIRS, st.randoms())
def test_the_order_of_the_pairs_does_not_matter(pairs, random):
    shuffled = random.sample(pairs, len(pairs))
    assert ends(ratio_of(shuffled)) == pytest.approx(ends(ratio_of(pairs)), rel=1e-9)


def test_the_interval_is_that_of_the_paired_t_test_of_logarithms():
    first = [101.0, 98.5, 103.2, 99.9, 100.4]
    second = [97.3, 96.0, 101.1, 98.2, 95.9]
    expected = ttest_rel(np.log(second), np.log(first)).confidence_interval(0.95)
    ratio = paired_ratio(first, second)
    assert (ratio.low, ratio.high) == pytest.approx(
        (math.exp(expected.low), math.exp(expected.high))
    )
    assert ratio.value == pytest.approx(math.exp(np.mean(np.log(second) - np.log(first))))


def test_nineteen_of_twenty_intervals_of_five_pairs_hold_the_truth():
    random = np.random.default_rng(7)
    drift = np.exp(random.normal(0, 0.2, (2000, 5)))
    first, second = (drift * np.exp(random.normal(0, 0.02, (2000, 5))) for _ in range(2))
    ratios = [paired_ratio(a, 0.97 * b) for a, b in zip(first, second, strict=True)]
    share = np.mean([ratio.low <= 0.97 <= ratio.high for ratio in ratios])
    assert 0.935 <= share <= 0.965


@pytest.mark.parametrize(
    ("first", "second"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1.0, 0.0], [1.0, 1.0]), ([1.0, math.inf], [1.0, 1.0])],
)
def test_what_has_no_interval_is_refused(first, second):
    with pytest.raises(ValueError, match=r"pairs or more|above 0"):
        paired_ratio(first, second)


@given(st.integers(1, 20))
def test_the_sides_take_turns_in_going_first(pairs):
    calls = []

    def side(name):
        def measure(pair):
            calls.append((pair, name))
            return f"{name}{pair}"

        return measure

    first, second = interleaved(pairs, side("a"), side("b"))
    assert first == [f"a{pair}" for pair in range(1, pairs + 1)]
    assert second == [f"b{pair}" for pair in range(1, pairs + 1)]
    assert [pair for pair, _ in calls] == sorted(2 * [*range(1, pairs + 1)])
    assert [name for _, name in calls[::2]] == ["ab"[pair % 2] for pair in range(pairs)]


def test_an_image_has_the_bytes_of_its_file_or_of_all_files_of_a_sandbox(tmp_path):
    image = tmp_path / "image.sif"
    image.write_bytes(b"x" * 1000)
    sandbox = tmp_path / "sandbox"
    (sandbox / "usr").mkdir(parents=True)
    (sandbox / "usr/python").write_bytes(b"x" * 300)
    os.link(sandbox / "usr/python", sandbox / "usr/python3")
    (sandbox / "bin").symlink_to("usr")
    assert image_bytes(image) == 1000
    # Once for both its names, and not again where a link leads to its folder.
    assert image_bytes(sandbox) == 300


def test_an_image_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UnusableInput, match=r"nowhere\.sif"):
        image_bytes(tmp_path / "nowhere.sif")


TRAINED = Told(
    figures={"throughput": 100.0, "loss_step100": 0.25, "test_accuracy": 0.9, "step_seconds": 1.0},
    constants={"loss_step100"},
    provenance={**dict.fromkeys(CONDITIONS, "same"), "deterministic": True},
)


def changed(**figures):
    return replace(TRAINED, figures=TRAINED.figures | figures)


def complaint(other):
    """What is wrong with a training beside the first one; empty where nothing is."""
    try:
        require_same(TRAINED, other, "run 1 in the image")
    except RunFailed as error:
        return str(error)
    return ""


def test_trainings_agree_whose_speeds_alone_differ():
    faster = changed(throughput=90.0, step_seconds=2.0)
    assert complaint(faster) == ""
    worse = replace(faster, figures=faster.figures | {"loss_step100": 9.0})
    assert "loss_step100" in complaint(worse)


@pytest.mark.parametrize("name", ["loss_step100", "test_accuracy"])
def test_a_result_that_differs_in_the_last_digit_is_told(name):
    other = changed(**{name: math.nextafter(TRAINED.figures[name], 1)})
    with pytest.raises(RunFailed, match=f"{name} is .* in run 1 natively, .* in run 3 in the"):
        require_same(TRAINED, other, "run 3 in the image")


def test_libraries_that_differ_are_told_with_the_result_that_does():
    native, image = (
        replace(each, provenance=each.provenance | {"tensorflow_version": version})
        for each, version in ((TRAINED, "2.21.0"), (changed(loss_step100=0.5), "2.20.0"))
    )
    with pytest.raises(RunFailed, match=r"\(tensorflow_version 2\.21\.0 and 2\.20\.0\)"):
        require_same(native, image, "run 1 in the image")


@pytest.mark.parametrize("name", CONDITIONS)
def test_trainings_under_other_conditions_are_not_compared(name):
    other = replace(TRAINED, provenance=TRAINED.provenance | {name: "another"})
    with pytest.raises(RunFailed, match=f"{name} is"):
        require_same(TRAINED, other, "run 1 in the image")
    unsaid = replace(TRAINED, provenance={**TRAINED.provenance})
    del unsaid.provenance[name]
    with pytest.raises(RunFailed, match=f"do not all say {name}"):
        require_same(TRAINED, unsaid, "run 1 in the image")


def test_trainings_that_tell_no_result_are_not_called_equal():
    speeds = replace(TRAINED, figures={"throughput": 100.0}, constants=set())
    with pytest.raises(RunFailed, match="nothing by which"):
        require_same(speeds, speeds, "run 1 in the image")


def test_only_the_seeded_loss_is_compared_of_a_training_that_is_not_deterministic():
    free = replace(TRAINED, provenance=TRAINED.provenance | {"deterministic": False})
    assert results(TRAINED) == ["loss_step100", "test_accuracy"]
    assert results(free) == ["loss_step100"]


def test_records_are_read_and_anything_else_is_passed_over():
    text = "\n".join(
        [
            "a table",
            '0: :::MLLOG {"key": "seed", "value": 1, "metadata": {"kind": "provenance"}}',
            ':::MLLOG {"key": "loss_step100", "value": 0.5, '
            '"metadata": {"kind": "metric", "better": "equal"}}',
            ':::MLLOG {"key": "epoch_start", "value": 1, "metadata": {"kind": "event"}}',
        ]
    )
    assert told(text) == Told({"loss_step100": 0.5}, {"loss_step100"}, {"seed": 1})


@pytest.mark.parametrize("record", ['{"key": "thro', '{"key": "throughput"}', "[]", "7"])
def test_a_record_that_is_cut_short_is_told(record):
    with pytest.raises(RunFailed, match="cannot be read"):
        told(f":::MLLOG {record}")


@pytest.mark.parametrize(
    ("stderr", "reason"),
    [
        ("training: 3 steps\nerror: no space left\nerror: rank 0: lost\n", "no space left"),
        ("\x1b[31mFATAL:   could not open image\x1b[0m\n", "FATAL:   could not open image"),
        ("FATAL:   no image\nINFO:    Cleaning up\nWARNING: left\n", "FATAL:   no image"),
        ("INFO:    Converting\n", "nothing says why"),
        ("", "nothing says why"),
    ],
)
def test_the_reason_of_a_child_is_its_own(stderr, reason):
    assert last_words(stderr) == reason


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("workload", TRAININGS)
def test_a_training_reads_what_its_preparation_writes(tmp_path, workload, given):
    data = tmp_path / "given" if given else None
    places = Places(data, tmp_path / "cache", "tiny-1", tmp_path / "work")
    prepared = TRAININGS[workload].prepare(places)
    train = TRAININGS[workload].train(places, tmp_path / "out")
    assert str(tmp_path / "out") in train
    words = [word for command in prepared for word in command]
    assert (str(data) in words or f"{data}/training.txt" in words) == given
    if workload == "skyline":
        assert prepared[-1][1:] == train[1:-2]
    else:
        assert train[1] == f"{prepared[-1][2]}/day"
        assert prepared[-1][1] == prepared[-2][2]
