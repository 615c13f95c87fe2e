"""What becomes of each reference: no bound is loosened in silence, and every source is named."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perflogs.baselines.comparable_runs import Case
from perflogs.baselines.learning import Lesson
from perflogs.baselines.proposal import (
    LOOSER,
    NEW,
    REFUSED,
    SAME,
    TIGHTER,
    changes,
    loosens,
    propose,
)
from perflogs.baselines.provenance import origin, origins, source_of
from perflogs.baselines.reference_file import parse_references
from perflogs.statistics.bounds import Bounds

CASE = Case("gpu", "SkylineTrain", "SkylineTrain %num_gpus=1", {"num_gpus": 1})
FILE = """\
gpu:
  SkylineTrain:
    - case: {num_gpus: [1, 2]}
      source: by hand
      runs: 3
      references:
        throughput: {value: 1000, lower: -0.1, upper: 0.5, unit: images/s}
        loss_step100: {value: 0.5, lower: -0.01, upper: 0.01, unit: "1"}
        epoch_seconds: {value: 10, lower: null, upper: 0.1, unit: s}
"""
BETTER = {
    "throughput": "higher",
    "loss_step100": "equal",
    "epoch_seconds": "lower",
    "new": "higher",
}
UNITS = {"throughput": "images/s", "epoch_seconds": "s"}


def lesson(metric, value, lower, upper, runs=20, case=CASE, unit=None):
    """What the runs of a metric teach."""
    nights = date(2026, 1, 1), date(2026, 2, 1)
    return Lesson(
        case,
        metric,
        BETTER[metric],
        unit or UNITS.get(metric, "1"),
        Bounds(value, lower, upper),
        runs,
        *nights,
        segment=1,
        segments=1,
    )


def proposed(*lessons, loosened=()):
    """What becomes of these lessons beside the file above."""
    file = parse_references(Path("pearl.yaml"), FILE)
    proposals, left_out = propose(file, lessons, loosened.__contains__)
    assert not left_out
    return file, proposals


@pytest.mark.parametrize(
    ("metric", "bounds", "verdict"),
    [
        ("throughput", (1000, -0.05, None), TIGHTER),
        ("throughput", (1000, -0.1, None), SAME),
        ("throughput", (1000, -0.11, None), REFUSED),
        # A higher value with a wider bound lets nothing more pass, a lower one with the same does.
        ("throughput", (1100, -0.15, None), TIGHTER),
        ("throughput", (990, -0.1, None), REFUSED),
        ("epoch_seconds", (10, None, 0.05), TIGHTER),
        ("epoch_seconds", (10, None, 0.11), REFUSED),
        ("epoch_seconds", (9, None, 0.2), TIGHTER),
        ("epoch_seconds", (10.5, None, 0.1), REFUSED),
        ("loss_step100", (0.5, -0.005, 0.005), TIGHTER),
        ("loss_step100", (0.5, -0.02, 0.005), REFUSED),
        ("loss_step100", (0.5, -0.005, 0.02), REFUSED),
        ("loss_step100", (0.6, -0.001, 0.001), REFUSED),
        ("new", (3, -0.1, None), NEW),
    ],
)
def test_a_bound_that_lets_more_pass_is_refused(metric, bounds, verdict):
    _, (found,) = proposed(lesson(metric, *bounds))
    assert found.verdict == verdict


def test_loosening_is_allowed_metric_by_metric():
    lessons = lesson("throughput", 900, -0.1, None), lesson("epoch_seconds", 12, None, 0.1)
    _, found = proposed(*lessons, loosened={"throughput"})
    assert [each.verdict for each in found] == [LOOSER, REFUSED]


def test_a_bound_on_the_better_side_is_never_removed():
    file, found = proposed(lesson("throughput", 1000, -0.05, None))
    assert found[0].after == Bounds(1000, -0.05, 0.5)
    (change,) = changes(file, found, lambda _: "learnt")
    assert change.references["throughput"][0].upper == 0.5


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_a_better_value_is_no_loosening_whatever_stands_on_its_better_side(better):
    before, lower, higher = (Bounds(value, -0.1, 0.1) for value in (10, 5, 20))
    assert loosens(before, higher, better) == (better == "lower")
    assert loosens(before, lower, better) == (better == "higher")


def test_a_lower_bound_stays_where_higher_values_are_worse():
    file = parse_references(Path("pearl.yaml"), FILE.replace("lower: null", "lower: -0.5"))
    (found,), _ = propose(file, [lesson("epoch_seconds", 9, None, 0.1)], lambda _: False)
    assert (found.verdict, found.after) == (TIGHTER, Bounds(9, -0.5, 0.1))


def test_what_is_refused_or_the_same_is_not_written():
    lessons = lesson("throughput", 900, -0.1, None), lesson("epoch_seconds", 10, None, 0.1)
    file, found = proposed(*lessons)
    assert changes(file, found, lambda _: "learnt") == []


def test_metrics_that_stay_keep_their_source_and_their_number_of_runs():
    lessons = lesson("throughput", 1000, -0.05, None), lesson("epoch_seconds", 11, None, 0.1)
    file, found = proposed(*lessons)
    (change,) = changes(file, found, lambda _: "learnt")
    assert change.source == "throughput: learnt | loss_step100, epoch_seconds: by hand"
    assert change.runs == 3


def test_an_entry_that_is_learnt_anew_has_a_new_source_and_the_fewest_runs():
    lessons = (
        lesson("throughput", 1000, -0.05, None, runs=40),
        lesson("epoch_seconds", 10, None, 0.05, runs=30),
        lesson("loss_step100", 0.5, -0.001, 0.001, runs=35),
    )
    file, found = proposed(*lessons)
    (change,) = changes(file, found, lambda _: "learnt")
    assert (change.source, change.runs) == ("learnt", 30)


def test_an_origin_says_campaign_runs_nights_segment_rate_and_reason():
    found = lesson("throughput", 1000, -0.05, None)
    said = "campaign nightly, 20 runs from 2026-01-01 to 2026-02-01, missed by 0.001 of sound runs"
    assert origin(found, "nightly", 0.001, "") == said
    assert origin(found, "nightly", 0.001, "new driver") == f"{said}, new driver"


def test_other_keys_in_the_file_than_in_the_records_are_left_out():
    file = parse_references(Path("pearl.yaml"), FILE)
    other = Case("gpu", "SkylineTrain", "SkylineTrain", {"num_gpus": 1, "jit": False})
    proposals, (left_out,) = propose(
        file, [lesson("throughput", 1, -0.1, None, case=other)], lambda _: True
    )
    assert not proposals
    assert left_out.why.startswith("pearl.yaml, line 3, and the records do not have the same keys")
    assert left_out.why.endswith("jit")


def test_another_unit_than_the_reference_has_is_left_out():
    file = parse_references(Path("pearl.yaml"), FILE)
    lessons = [lesson("throughput", 9999, -0.01, None, unit="images/h")]
    proposals, (left_out,) = propose(file, lessons, lambda _: True)
    assert not proposals
    assert left_out.why == "its reference is in images/s, its runs are in images/h"


sides = st.one_of(st.none(), st.floats(0, 0.9))


@given(
    *(2 * [st.tuples(st.floats(-100, 100).filter(bool), sides, sides)]),
    st.sampled_from(["higher", "lower", "equal"]),
    st.floats(-300, 300),
)
def test_what_does_not_loosen_lets_nothing_pass_on_the_worse_side(one, other, better, value):
    before, after = (Bounds(v, None if low is None else -low, up) for v, low, up in (one, other))
    if loosens(before, after, better):
        return
    is_worse = {"higher": value < before.value, "lower": value > before.value, "equal": True}
    if is_worse[better] and not before.least - 1e-6 <= value <= before.greatest + 1e-6:
        passes = {
            "higher": after.least <= value,
            "lower": value <= after.greatest,
            "equal": after.least <= value <= after.greatest,
        }
        assert not passes[better]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["x", "y: z", "a, b"]), min_size=1)
)
def test_a_source_says_again_where_each_metric_comes_from(known):
    assert origins(source_of(known), known) == known


@pytest.mark.parametrize("source", ["by hand", "a: by hand", "a: x | b: y | z", "a: x | b: y", "a"])
def test_a_source_in_other_words_is_that_of_all_metrics(source):
    assert origins(source, ["a", "b", "c"]) == dict.fromkeys("abc", source)
