"""The clock: warm-up is kept apart, waiting is counted, percentiles are over steps."""

import pytest

from workloads.common.timing import StepClock


def test_steady_figures_leave_the_warm_up_out():
    clock = StepClock(warmup_steps=10)
    clock.add(seconds=100.0, stalled=50.0, steps=10, images=640)
    assert clock.figures() == {}
    clock.add(seconds=2.0, stalled=0.5, steps=10, images=640)
    clock.add(seconds=4.0, stalled=0.5, steps=10, images=640)
    figures = clock.figures()
    assert figures["throughput"] == pytest.approx(1280 / 6.0)
    assert figures["input_stall_fraction"] == pytest.approx(1 / 6)
    assert figures["step_seconds_median"] == pytest.approx(0.3)
    assert figures["step_seconds_99th_percentile"] == pytest.approx(0.4)


def test_a_call_that_begins_in_the_warm_up_is_not_steady():
    clock = StepClock(warmup_steps=10)
    clock.add(seconds=1.0, stalled=0.0, steps=8, images=8)
    clock.add(seconds=9.0, stalled=0.0, steps=8, images=8)
    assert clock.figures() == {}
    clock.add(seconds=1.0, stalled=0.0, steps=8, images=8)
    assert clock.figures()["throughput"] == 8.0


def test_the_median_weighs_a_call_by_its_steps():
    clock = StepClock(warmup_steps=0)
    clock.add(seconds=9.0, stalled=0.0, steps=9, images=9)
    clock.add(seconds=5.0, stalled=0.0, steps=1, images=1)
    assert clock.figures()["step_seconds_median"] == 1.0
    assert clock.figures()["step_seconds_99th_percentile"] > 4.0
